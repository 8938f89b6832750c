"""`citybrain migrate`: a city moves from the embedded form into the database of a cluster.

sides     both databases: nobody else is at work there, marks say what is under way     -> which step is next
history   readings and their sums, in spans of time: each span and its mark in one transaction
states    the rules' state: shards become partitions
city      all else in one transaction, compared on both sides before it is committed
mover     the steps in their order
"""
