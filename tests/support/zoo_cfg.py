"""A zoo.cfg that the linter finds nothing wrong with, to put mistakes into."""

CLEAN = """\
tickTime=2000
dataDir=/data
clientPort=2181
initLimit=10
syncLimit=5
autopurge.purgeInterval=1
4lw.commands.whitelist=srvr,mntr,ruok
admin.enableServer=false
server.1=10.0.0.1:2888:3888
server.2=10.0.0.2:2888:3888
server.3=10.0.0.3:2888:3888:participant
"""
