"""M/M/1 at 90 % in SimPy, as its documentation writes such models: a process per customer and a resource of one slot.

Call: mm1_simpy.py <customers> <seed>. Prints the customers served per second of processor time and their mean latency in ms.
"""

import random
import sys
import time

import simpy


def main(customers: int, seed: int) -> None:
    draw = random.Random(seed).expovariate
    environment = simpy.Environment()
    server = simpy.Resource(environment, capacity=1)
    latencies = []

    def customer():
        arrived = environment.now
        with server.request() as turn:
            yield turn
            yield environment.timeout(draw(100))
        latencies.append(environment.now - arrived)

    def source():
        for _ in range(customers):
            yield environment.timeout(draw(90))
            environment.process(customer())

    environment.process(source())
    started = time.process_time()
    environment.run()
    seconds = time.process_time() - started
    print(f"{len(latencies) / seconds:.0f} {1000 * sum(latencies) / len(latencies):.3f}")


main(int(sys.argv[1]), int(sys.argv[2]))
