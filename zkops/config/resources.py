"""What one member needs: the section `resources` of `cluster.yaml`."""

from typing import Self

from pydantic import model_validator

from zkops.config.sections import Model
from zkops.config.types import Cpu, Memory, cpu_thousandths, memory_bytes
from zkops.zoocfg import sizing


class MemoryAmounts(Model):
    """Memory a member asks for and may use."""

    request: Memory = "1Gi"
    """Kept free for the member by the scheduler."""
    limit: Memory = "2Gi"
    """The most the member may use before it is killed."""


class CpuAmounts(Model):
    """Processor time a member asks for and may use."""

    request: Cpu = "250m"
    """Kept free for the member by the scheduler."""
    limit: Cpu | None = None
    """The most the member may use; without it a member is never slowed down."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.limit and cpu_thousandths(self.request) > cpu_thousandths(self.limit):
            raise ValueError(f"request: {self.request} is above the limit {self.limit}; lower it, or raise the limit")
        return self


class Resources(Model):
    """What one member needs."""

    heap: Memory | None = None
    """The Java heap (-Xmx); without it each member derives it from `memory.limit`."""
    memory: MemoryAmounts = MemoryAmounts()
    """Memory of the whole container: heap, native memory, page cache it touches."""
    cpu: CpuAmounts = CpuAmounts()
    """Processor time of the container."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        request, limit = memory_bytes(self.memory.request), memory_bytes(self.memory.limit)
        if self.heap:
            self._check_heap(memory_bytes(self.heap), limit)
        if request > limit:
            raise ValueError(
                f"memory.request: {self.memory.request} is above memory.limit {self.memory.limit}; lower it"
            )
        return self

    def _check_heap(self, heap: int, limit: int) -> None:
        if heap < sizing.LEAST_HEAP_MIB * sizing.MIB:
            raise ValueError(f"heap: {self.heap} is too small for ZooKeeper; write {sizing.LEAST_HEAP_MIB}Mi or more")
        if heap >= limit:
            raise ValueError(
                f"heap: {self.heap} is not below memory.limit {self.memory.limit}; the JVM needs memory beside"
                " its heap, give the limit at least a quarter more than the heap"
            )

    def contradictions(self, *, tls: bool) -> tuple[str, ...]:
        """Say which of heap and memory limit contradict; *tls* where Netty serves or members speak TLS."""
        heap = memory_bytes(self.heap) if self.heap else None
        found = sizing.contradictions(heap, memory_bytes(self.memory.limit), tls)
        return tuple(f"resources.{sentence}" for sentence in found)

    def check_derived_heap(self, *, tls: bool) -> None:
        """Refuse a limit that leaves no heap, where none is given; *tls* where Netty serves or members speak TLS."""
        if self.heap:
            return
        try:
            sizing.heap_bytes(memory_bytes(self.memory.limit), tls)
        except ValueError:
            raise ValueError(
                f"resources.memory.limit: {self.memory.limit} leaves too little for a heap beside the JVM's own memory;"
                " raise it, 256Mi do for small data"
            ) from None
