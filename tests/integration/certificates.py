"""Key stores that servers make for themselves, with certificates that run out when a test wants it."""

from .servers import Server

STORE = "/conf/store.p12"
KEYTOOL = (
    f"rm -f {STORE} && keytool -genkeypair -keyalg EC -alias member -dname CN=zookeeper -storetype PKCS12"
    f" -keystore {STORE} -storepass changeit && chmod 644 {STORE} && date +%s"
)
KEYS = {"location": STORE, "password": "changeit"}
DAY = 86400


def renew(server: Server, days: int) -> float:
    """Make a new key in the store; give when it runs out, to a minute or so."""
    done = server.run("sh", "-c", KEYTOOL.replace("-genkeypair", f"-genkeypair -validity {days}"))
    assert done.code == 0, done.text
    return float(done.text.split()[-1]) + days * DAY
