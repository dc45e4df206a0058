"""The source of a module that adds to the toy domain."""

TASK = """
from sma_core.plugins import Task, hookimpl

@hookimpl
def sma_tasks():
    return [Task(name="vowels", summary="How many vowels", dataset="words", targets=("vowels",),
                 kind="regression", metric="mae")]
"""
