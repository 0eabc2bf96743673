"""The judge: simulated weeks that share nothing with the model that made the plan.

Doors: :func:`allocator.simulation.weeks.simulate_plan` and ``simulate_deployments``, and
:func:`allocator.simulation.queue.simulate_queue` for a bare spatial queue.
"""
