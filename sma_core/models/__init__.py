"""Load runs as models: build the network, load its weights, predict and embed rows."""
