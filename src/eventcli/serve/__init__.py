"""A ledger over HTTP: its totals as they change, a page that shows them, and events that are posted to it.

The path of a request, with the code open:

1. `serve/server.py` listens, and ends within a second of a signal. `serve/guard.py` refuses requests by their Host,
   Origin and token. `serve/repeated.py` answers questions that were asked before, and `serve/events.py` what is
   posted; all else goes to the routes in `serve/api.py`, `serve/live.py` and `serve/assets.py`.
2. `ledger/store/watch.py` reads the version of the ledger from the header of its file, which waits for nobody. If it
   is another one, `serve/views.py` makes the answer again on a thread. `serve/fair_lock.py` lets one thread at a time
   use the ledger.
3. What is posted goes to the thread of `serve/intake.py`, which folds all that has arrived into one state
   (`ledger/pieces.py`) and writes it in one transaction of `ledger/turns.py`; `serve/key_clock.py` says which keys are
   too old to be kept.
4. While somebody watches, `serve/live.py` makes what the page shows (`serve/scene.py`) after each change, and sends
   the difference. To the totals that it knows, `serve/growth.py` adds what this server commits; it reads all of them
   when somebody else wrote, and now and then.
"""
