"""What the run ran on."""

import os
import platform
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import docker


def describe(client: docker.DockerClient) -> Mapping[str, Any]:
    """Give processor, cores, memory, kernel and Engine, for the report."""
    processor = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    info = client.info()
    return {
        "cpu": processor[1].strip() if processor else platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30),
        "kernel": platform.release(),
        "docker": info["ServerVersion"],
        "storage_driver": info["Driver"],
        "cgroup_version": info.get("CgroupVersion", "1"),
    }
