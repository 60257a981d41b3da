"""The description of the API holds: whatever is asked, the answer is one that /openapi.json describes."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable

from served import LINE, Served, ended_well, ledger_in

pytest.importorskip("fastapi", reason="built without the extra serve")
schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed here")


def test_every_answer_is_described(tmp_path: Path) -> None:
    """Generated requests, right and wrong, get no answer that is a bug or that the description does not have."""
    ledger = ledger_in(tmp_path, LINE % ("a", "1.10") + LINE % ("b/c", "2") + "junk\n")
    with ended_well(Served(ledger)) as server:
        schema = schemathesis.openapi.from_url(f"{server.url}openapi.json")
        for result in schema.get_all_operations():
            operation = result.ok()
            for mode in schemathesis.GenerationMode:
                strategy = operation.as_strategy(generation_mode=mode)

                @settings(
                    max_examples=40,
                    deadline=None,
                    derandomize=True,
                    database=None,
                    suppress_health_check=list(HealthCheck),
                )
                @given(case=strategy, data=st.just(None))
                def ask(case: Any, data: None) -> None:
                    assert data is None
                    case.call_and_validate()

                # An operation without parameters cannot be asked in a wrong way.
                with suppress(Unsatisfiable):
                    ask()
