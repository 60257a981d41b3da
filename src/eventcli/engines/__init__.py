"""On a cluster: the fold of a run on an engine that is there already, with the answer of one machine.

The path of a run on a cluster, with the code open:

1. `cli/engines.py` makes an engine of `--engine` (`engines/choice.py`) and an `engines/run.py` (`EngineRun`), which
   the command line watches like any run. An engine (`engines/engine.py`) knows nothing of events: it maps opaque
   tasks, and merges the results of neighbours. `engines/processes.py` with `engines/schedule.py` and
   `engines/worker.py` is the one of the standard library.
2. `engines/listing.py` lists the sources in the order in which one machine reads them, claims each, and freezes its
   size and version: `reading/frozen.py` for files, with a proof of their first and last bytes, and
   `reading/remote/listing.py` for objects. `engines/plan.py` cuts them. The plan is data; its tasks are made one by
   one.
3. `engines/preflight.py` asks every worker what it has, and to open the first source.
4. On a worker, `engines/split.py` (`fold_split`) puts the parts of a split through the pipeline. `engines/opening.py`
   opens them, aligned to lines (`reading/aligned.py`), from files or from stores (`reading/remote/parts.py`).
   Whatever is wrong with the data is in the result, an `engines/partial.py` (`Partial`): a Summary, what was read of
   each source, and the first rejects. So what raises is a fault of the machinery, and the engine may try again.
5. Partials of neighbours are merged on the workers. `engines/gathering.py` (`Gathering`) takes them in order,
   reconciles them with the plan, makes line numbers absolute, calls back as one machine does, and returns the
   Summary.
"""
