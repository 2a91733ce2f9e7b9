# SPDX-License-Identifier: BSD-3-Clause
"""What C++ logs comes to Python's logger "matrass", from any thread, and does no harm there."""

import logging
import os
import signal
import subprocess
import sys
import threading

import pytest
from matrass import _core


@pytest.fixture
def attach():
    """`attach(function)`: a filter of the logger, which unlike a handler runs under no lock."""
    logger = logging.getLogger("matrass")
    filters = []

    def add(function):
        filters.append(function)
        logger.addFilter(function)

    yield add
    for function in filters:
        logger.removeFilter(function)


def test_a_line_is_a_warning_and_is_said_once(caplog):
    for _ in range(3):
        _core.log_once("test_log: 100 % of it")
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("matrass", logging.WARNING)
    assert record.getMessage() == "test_log: 100 % of it"


def test_many_threads(caplog):
    def work(number):
        for k in range(20):
            _core.log_once(f"test_log: {k} of {number}")
            _core.log_once(f"test_log: {k} of all")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == len(set(said)) == 4 * 20 + 20


def test_who_hears_a_line_may_wait_for_a_thread_that_logs(attach, caplog):
    def wait(record):
        if record.getMessage() == "test_log: first":
            thread = threading.Thread(target=_core.log_once, args=("test_log: second",))
            thread.start()
            thread.join()
        return True

    attach(wait)
    _core.log_once("test_log: first")
    said = [record.getMessage() for record in caplog.records]
    assert said == ["test_log: second", "test_log: first"]


def test_what_a_listener_raises_is_not_the_calls_error(attach, monkeypatch):
    def fail(record):
        raise ValueError(record.getMessage())

    seen = []
    monkeypatch.setattr(sys, "unraisablehook", lambda hint: seen.append(str(hint.exc_value)))
    attach(fail)
    _core.log_once("test_log: to a broken filter")
    assert seen == ["test_log: to a broken filter"]


@pytest.fixture
def interruptible():
    """Python as it starts in a terminal: in the background of a shell it ignores SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_while_logging_is_kept(attach):
    def interrupt(_):
        raise KeyboardInterrupt

    attach(interrupt)

    def call():
        _core.log_once("test_log: interrupted")
        for _ in range(1000):  # the interrupt comes between two instructions
            pass

    with pytest.raises(KeyboardInterrupt):
        call()


def python(*arguments, **environment):
    """Run Python: what it printed on stdout and on stderr."""
    run = subprocess.run(
        [sys.executable, *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout, run.stderr


def test_without_handlers_python_shows_it():
    code = "import matrass; matrass._core.log_once('a line')"
    assert python("-c", code) == ("", "a line\n")


AT_EXIT = """
import atexit, logging, sys

atexit.register(lambda: matrass._core.log_once("late"))  # runs after what is registered later
import matrass
matrass._core
logging.basicConfig(stream=sys.stdout, format="%(message)s")
atexit.register(lambda: matrass._core.log_once("early"))
"""


def test_at_exit_it_goes_to_stderr():
    assert python("-c", AT_EXIT) == ("early\n", "matrass: late\n")


MESSAGES = """
import logging
import sys
import matrass as mt

said = []
handler = logging.Handler()
handler.emit = lambda record: said.append(f"{record.name} {record.levelname} {record.getMessage()}")
logging.getLogger("matrass").addHandler(handler)
grid = mt.Grid()
A = mt.from_function(grid, (400, 400), lambda i, j: i + 400.0 * j, layout="VC,STAR")
for layout in ("MC,MR", "STAR,VR", "MC,MR"):
    A = A.to(layout)
sys.stdout.write(" ".join([str(grid.rank), *said]) + "\\n")  # at once: the other rank writes, too
"""


def test_ranks_that_cannot_share_memory_say_so_once(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(MESSAGES)
    run = ("-m", "matrass", "run", "-n", "2", str(script))
    out, err = python(*run, MATRASS_SHARED_MEMORY="off")
    first, second = sorted(out.splitlines())
    assert (second, err) == ("1", "")
    begin = "0 matrass WARNING redistribute: ranks of one machine exchange messages: "
    assert first.startswith(f"{begin}the memory of process ")
    assert first.endswith(" is private (MATRASS_SHARED_MEMORY is off)")
