import copyreg
import pickle
import pickletools
import subprocess

import numpy as np
import pytest

from nearsight.errors import UsageError
from nearsight.evaluation import pickle_reader
from nearsight.evaluation.pickle_reader import load_plain_data

DATA = {
    "imlist": ["all_souls_000000", "ä", ""],
    "gnd": [
        {"bbx": [1.5, -2, 3e300, 0], "easy": [], "hard": [1, 255, 256, 70000, 2**40, -5], "junk": (1, (2, 3, 4), ())}
    ],
    "flags": [True, False, None],
    "bytes": b"\x00\xff",
}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_data_of_every_protocol(protocol):
    read = load_plain_data(pickle.dumps(DATA, protocol))
    assert read["gnd"][0]["junk"] == [1, [2, 3, 4], []]
    read["gnd"][0]["junk"] = DATA["gnd"][0]["junk"]
    assert read == DATA


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("dtype", ["<i8", ">i4", "u1", "<f8", "<f4", "bool"])
def test_arrays_of_every_protocol_come_as_lists(protocol, dtype):
    array = np.array([[0, 1, 2], [3, 4, 120]]).astype(dtype)
    turned = np.asfortranarray(array)
    read = load_plain_data(pickle.dumps({"a": array, "b": turned, "c": array[1, 2], "d": array[:0]}, protocol))
    assert read == {"a": array.tolist(), "b": array.tolist(), "c": array[1, 2].item(), "d": []}


def test_shared_parts_are_read_where_they_are_shared():
    part = ["x"]
    assert load_plain_data(pickle.dumps([part, part])) == [["x"], ["x"]]


class Harm:
    """Runs a command when it is loaded by the pickle library."""

    def __init__(self, call, *arguments):
        self.call = call, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_malicious_file_is_refused_and_nothing_is_done(protocol, tmp_path):
    trace = tmp_path / "trace"
    for harm in (
        Harm(subprocess.call, ["touch", str(trace)]),
        Harm(eval, f"open({str(trace)!r}, 'w')"),
        Harm(open, str(trace), "w"),
    ):
        with pytest.raises(UsageError, match="which is no plain data"):
            load_plain_data(pickle.dumps({"gnd": [harm]}, protocol))
    assert not trace.exists()


@pytest.mark.parametrize(
    ("pickled", "why"),
    [
        (b"cos\nsystem\n(S'true'\ntR.", "os.system"),
        (b"cnumpy.core.multiarray\n_reconstruct\n.", "a name where data should be"),
        (b"cnumpy\nndarray\n(I1\ntR.", "not a pickle"),
        (b"(S'a'\nS'b'\ni os\nsystem\n.", "not followed"),
        (b"\x80\x02}(U\x01aU\x01bu}b.", "no attribute '__dict__'"),
        (b"\x80\x02U\x01aU\x01bR.", "must be a tuple"),
        (b"\x80\x02U\x01aU\x01ba.", "no attribute 'append'"),
        (b"no pickle at all", "not a pickle"),
        (b"", "not a pickle"),
        (b"\x80\x02]", "not a pickle"),
        (b"\x80\x02h\x07.", "not a pickle"),
        (b"\x80\x02.", "not a pickle"),
        (b"\x80\x02cnumpy\ndtype\nU\x02O8\x89\x88\x87R.", "are not read"),
    ],
)
def test_what_is_no_plain_data_is_refused(pickled, why):
    with pytest.raises(UsageError, match=why):
        load_plain_data(pickled)


EMPTY_ARRAY = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR"
INT32 = b"cnumpy\ndtype\n(S'i4'\nI00\nI01\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntb"


@pytest.mark.parametrize(
    ("pickled", "why"),
    [
        (b"\x80\x02Nr\x00\x00\x20\x00.", "more is remembered"),
        (b"Np2097152\n.", "more is remembered"),
        (b"\x80\x04\x8e" + (1 << 40).to_bytes(8, "little") + b"x.", "expected 1099511627776 bytes"),
        (b"\x80\x05\x96" + (1 << 40).to_bytes(8, "little") + b"x.", "expected 1099511627776 bytes"),
        (b"\x80\x04\x95" + (1 << 40).to_bytes(8, "little") + b"N.", "not a pickle"),
        (EMPTY_ARRAY + b"(I1\n(I2097152\nI0\nt" + INT32 + b"I00\nS''\ntb.", "more than such a file"),
        (EMPTY_ARRAY + b"(I1\n(I2\nt" + INT32 + b"I00\nS'abcd'\ntb.", "cannot reshape"),
    ],
)
def test_sizes_are_not_believed(pickled, why):
    with pytest.raises(UsageError, match=why):
        load_plain_data(pickled)


def test_instructions_are_counted(monkeypatch):
    """Each may make an object, and they all are there before the first is looked at."""
    monkeypatch.setattr(pickle_reader, "_MAX_OPCODES", 100)
    assert load_plain_data(b"]" * 90 + b".") == []
    with pytest.raises(UsageError, match="more instructions"):
        load_plain_data(b"]" * 110 + b".")


@pytest.mark.parametrize(
    "instruction", [b"\x82\x01", b"\x83\x01\x00", b"\x84\x01\x00\x00\x00", b"Pid\n", b"NQ", b"\x97"]
)
def test_what_would_be_fetched_from_elsewhere_is_refused(instruction, monkeypatch):
    """A process may have met the number of an extension before, and has it in memory."""
    monkeypatch.setitem(copyreg._extension_cache, 1, "fetched")
    with pytest.raises(UsageError, match="is not followed"):
        load_plain_data(b"\x80\x05" + instruction + b".")


@pytest.mark.parametrize("state", [b"}(S'_made'\nNu", b"N}(S'_made'\nNu\x86", b"N}(S'__call__'\nNu\x86"])
def test_no_name_is_changed(state):
    with pytest.raises(UsageError, match="changes something that is no array"):
        load_plain_data(b"\x80\x02cnumpy\ndtype\n" + state + b"b.")


def test_a_name_is_no_key_of_a_dictionary():
    with pytest.raises(UsageError, match="a name where data should be"):
        load_plain_data(b"\x80\x02}cnumpy\ndtype\nNs.")


def test_arrays_that_python_2_wrote_are_read():
    """Their bytes are text there."""
    assert load_plain_data(EMPTY_ARRAY + b"(I1\n(I1\nt" + INT32 + b"I00\nU\x04\x01\xff\x00\x00tb.") == [0xFF01]


def test_arrays_of_objects_are_refused():
    with pytest.raises(UsageError, match="plain data"):
        load_plain_data(pickle.dumps(np.array([{}, []], dtype=object)))


def test_a_small_file_that_refers_to_itself_without_end_is_refused():
    value = ["x"] * 10
    for _ in range(12):
        value = [value] * 10
    pickled = pickle.dumps(value)
    assert len(pickled) < 1000
    with pytest.raises(UsageError, match="more than such a file"):
        load_plain_data(pickled)
    loop = []
    loop.append(loop)
    with pytest.raises(UsageError, match="plain data"):
        load_plain_data(pickle.dumps(loop))


def test_whatever_is_cut_or_changed_is_read_or_refused():
    pickled = bytearray(pickle.dumps(DATA | {"array": np.arange(9)}, 2))
    random = np.random.default_rng(0)
    refused = 0
    for at in range(0, len(pickled), 3):
        for changed in (pickled[:at], pickled[:at] + bytes([random.integers(256)]) + pickled[at + 1 :]):
            try:
                load_plain_data(bytes(changed))
            except UsageError:
                refused += 1
    assert refused > len(pickled) / 3


def test_an_optimised_pickle_without_memory_is_read():
    assert load_plain_data(pickletools.optimize(pickle.dumps(DATA["imlist"]))) == DATA["imlist"]
