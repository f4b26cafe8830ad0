"""Everything that speaks ZooKeeper's protocols; the only importer of kazoo; knows no Kubernetes and no cluster.yaml."""
