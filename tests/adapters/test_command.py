import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from crowdeval.adapters import Image, answers, load_adapter, model_id
from crowdeval.errors import MissingFileError, PredictorError, UsageError

LOOP = """
import json, os, sys, time
for line in sys.stdin:
    request = json.loads(line)
"""


@pytest.fixture
def program(tmp_path):
    """Return a function that creates a predictor from the body of a program's loop over the requests."""
    predictors = []

    def make(body, *options, head=LOOP):
        script = tmp_path / "predictor.py"
        script.write_text(head + textwrap.indent(textwrap.dedent(body), "    " if head == LOOP else ""))
        predictors.append(load_adapter("command", [f"command={sys.executable} {script}", *options]))
        return predictors[-1]

    yield make
    for predictor in predictors:
        predictor.close()


@pytest.fixture
def images():
    pixels = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    return [Image(id=name, pixels=pixels) for name in ("a", "b", "c")]


def alive(pid):
    """Return whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def gone(pid, seconds=5.0):
    deadline = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not alive(pid)


def test_a_line_in_is_a_line_out(program, images):
    predictor = program("print(json.dumps({'points': [[request['width'], request['height']]], 'scores': [0.5]}))")
    found = answers(predictor, images)
    assert [answer.xy.tolist() for answer in found] == [[[6, 4]]] * 3
    assert [answer.score.tolist() for answer in found] == [[0.5]] * 3


def test_one_process_answers_all_images(program, images):
    found = answers(program("print(json.dumps({'count': os.getpid() % 1000}))"), images)
    assert len({answer.count for answer in found}) == 1


def test_an_image_without_a_file_comes_as_a_temporary_png(program, images, tmp_path):
    seen = tmp_path / "seen"
    predictor = program(f"""
        from PIL import Image
        open({str(seen)!r}, 'w').write(request['path'])
        print(json.dumps({{'count': sum(Image.open(request['path']).tobytes())}}))
    """)
    assert answers(predictor, images[:1])[0].count == images[0].pixels.sum()
    assert not Path(seen.read_text()).exists()


def test_an_image_with_a_file_comes_as_that_file(program, tmp_path):
    path = tmp_path / "a.png"
    Pillow.new("RGB", (6, 4)).save(path)
    predictor = program(f"print(json.dumps({{'count': int(request['path'] == {str(path)!r})}}))")
    image = Image(id="a", pixels=np.zeros((4, 6, 3), dtype=np.uint8), path=path)
    assert answers(predictor, [image])[0].count == 1


def test_a_file_with_an_orientation_comes_as_a_png_of_the_stored_pixels(program, tmp_path):
    path = tmp_path / "turned.jpg"
    exif = Pillow.Exif()
    exif[0x0112] = 6
    Pillow.new("RGB", (6, 4)).save(path, exif=exif)
    predictor = program(f"print(json.dumps({{'count': int(request['path'] != {str(path)!r})}}))")
    image = Image(id="a", pixels=np.zeros((4, 6, 3), dtype=np.uint8), path=path)
    assert answers(predictor, [image])[0].count == 1


def test_an_id_may_hold_anything(program):
    predictor = program("print(json.dumps({'id': request['id'], 'count': 1}))")
    image = Image(id='Zürich "1"\n/x', pixels=np.zeros((2, 2, 3), dtype=np.uint8))
    assert answers(predictor, [image])[0].count == 1


def test_its_standard_error_is_passed_on(program, images, capfd):
    answers(program("print('loading', file=sys.stderr); print(json.dumps({'count': 1}))"), images[:1])
    assert capfd.readouterr().err == "loading\n"


def test_chatter_on_standard_output_is_named_with_program_and_image(program, images):
    predictor = program("print('Loading model'); print(json.dumps({'count': 1}))")
    with pytest.raises(
        PredictorError, match=r"predictor\.py', image 'a': expected an answer.*'Loading model'.*standard"
    ):
        answers(predictor, images)


def test_after_chatter_the_next_image_gets_its_own_answer(program, images):
    predictor = program("""
        if request['id'] == 'a': print('Loading model')
        print(json.dumps({'count': ord(request['id'])}))
    """)
    with pytest.raises(PredictorError):
        answers(predictor, images[:1])
    assert [answer.count for answer in answers(predictor, images[1:])] == [98, 99]


def test_a_second_answer_is_chatter(program, images):
    predictor = program("print(json.dumps({'count': 1})); print(json.dumps({'count': 2}))")
    answers(predictor, images[:1])
    time.sleep(0.2)
    with pytest.raises(PredictorError, match=r"image 'b': wrote .*count.* to standard output before a request"):
        answers(predictor, images[1:])


def test_the_answer_for_another_image_is_refused(program, images):
    with pytest.raises(PredictorError, match="image 'a': found the answer for image 'z': expected one answer to each"):
        answers(program("print(json.dumps({'id': 'z', 'count': 1}))"), images)


@pytest.mark.parametrize("line", ["[1, 2]", "12", "{'points': []}", "", "null", "{"])
def test_a_line_that_is_no_json_object_is_named(program, images, line):
    with pytest.raises(PredictorError, match="image 'a': expected an answer, a JSON object, found"):
        answers(program(f"print({line!r})"), images)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("{'points': [[1, float('nan')]]}", "expected finite coordinates"),
        ("{'points': [[1, 2, 3, 4]]}", r"expected points of shape \(N, 2\)"),
        ("{'points': [[1, 2]], 'scores': [1, 2]}", "expected 1 scores, one for each point, found 2"),
        ("{'point': [[1, 2]]}", "found 'point'; did you mean 'points'"),
        ("{}", "expected points, boxes or a count, found none of them"),
        ("{'count': -3}", "count: expected a number from 0"),
        ("{'error': 'too dark'}", "the program reports: too dark"),
    ],
)
def test_an_answer_that_is_no_prediction_is_named_with_its_image(program, images, answer, words):
    with pytest.raises(PredictorError, match=rf"predictor@\w+, image 'a'.*{words}"):
        answers(program(f"print(json.dumps({answer}))"), images[:1])


def test_after_an_answer_that_is_no_prediction_the_same_process_goes_on(program, images, tmp_path):
    predictor = program(f"""
        open({str(tmp_path / "pids")!r}, 'a').write(f'{{os.getpid()}} ')
        print(json.dumps({{'count': -1 if request['id'] == 'a' else 1}}))
    """)
    with pytest.raises(PredictorError):
        answers(predictor, images[:1])
    answers(predictor, images[1:])
    assert len(set((tmp_path / "pids").read_text().split())) == 1


def test_a_program_that_dies_is_started_again_and_gets_the_request_again(program, images, tmp_path):
    predictor = program(f"""
        if request['id'] == 'b' and not os.path.exists({str(tmp_path / "died")!r}):
            open({str(tmp_path / "died")!r}, 'w').close()
            os._exit(3)
        print(json.dumps({{'count': ord(request['id'])}}))
    """)
    assert [answer.count for answer in answers(predictor, images)] == [97, 98, 99]


def test_a_program_that_dies_again_and_again_is_named_with_its_exit_code(program, images):
    with pytest.raises(
        PredictorError, match=r"predictor\.py', image 'a': ended with exit code 3, in the last of 2 attempts"
    ):
        answers(program("sys.exit(3)"), images)


def test_without_restarts_the_first_death_counts(program, images):
    with pytest.raises(PredictorError, match=r"ended with exit code 3$"):
        answers(program("sys.exit(3)", "restarts=0"), images)


def test_a_program_that_is_killed_is_named_with_the_signal(program, images):
    with pytest.raises(PredictorError, match="was killed by SIGKILL"):
        answers(program(f"os.kill(os.getpid(), {int(signal.SIGKILL)})"), images)


def test_a_program_killed_between_two_images_is_started_again(program, images):
    predictor = program("print(json.dumps({'count': os.getpid()}))")
    pid = int(answers(predictor, images[:1])[0].count)
    os.kill(pid, signal.SIGKILL)
    assert gone(pid)
    assert answers(predictor, images[1:2])[0].count != pid


def test_a_program_that_hangs_is_killed_with_its_children(program, images, tmp_path):
    predictor = program(
        f"""
        import subprocess
        child = subprocess.Popen(['sleep', '600'])
        open({str(tmp_path / "pids")!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}')
        time.sleep(600)
        """,
        "timeout=1",
        "restarts=0",
    )
    with pytest.raises(PredictorError, match="image 'a': gave no answer within 1 s"):
        answers(predictor, images)
    assert all(gone(int(pid)) for pid in (tmp_path / "pids").read_text().split())


def test_a_program_that_ignores_the_polite_signal_is_killed(program, images, tmp_path):
    predictor = program(
        f"""
        import signal
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        open({str(tmp_path / "pid")!r}, 'w').write(str(os.getpid()))
        time.sleep(600)
        """,
        "timeout=1",
        "restarts=0",
    )
    with pytest.raises(PredictorError, match="gave no answer"):
        answers(predictor, images)
    assert gone(int((tmp_path / "pid").read_text()))


def test_a_line_without_an_end_is_no_answer(program, images):
    predictor = program("sys.stdout.write('{'); sys.stdout.flush(); time.sleep(600)", "timeout=0.5", "restarts=0")
    with pytest.raises(PredictorError, match=r"gave no answer within 0\.5 s"):
        answers(predictor, images)


def test_closing_lets_the_program_end_by_itself(program, images, tmp_path):
    predictor = program(
        f"""
        import json, os, sys
        for line in sys.stdin:
            print(json.dumps({{'count': os.getpid()}}))
        open({str(tmp_path / "goodbye")!r}, 'w').close()
        """,
        head="",
    )
    pid = int(answers(predictor, images[:1])[0].count)
    predictor.close()
    assert gone(pid)
    assert (tmp_path / "goodbye").exists()


def test_closing_twice_or_before_opening_is_fine(program):
    predictor = program("pass")
    predictor.close()
    predictor.open()
    predictor.close()
    predictor.close()


def test_an_interrupt_ends_the_program(tmp_path):
    script = tmp_path / "slow.py"
    script.write_text(f"import os, time\nopen({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)")
    ours = textwrap.dedent(f"""
        import sys
        import numpy as np
        from crowdeval.adapters import Image, answers, load_adapter
        predictor = load_adapter("command", ["command={sys.executable} {script}"])
        answers(predictor, [Image(id="a", pixels=np.zeros((2, 2, 3), dtype=np.uint8))])
    """)
    process = subprocess.Popen([sys.executable, "-c", ours], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 20
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    process.wait(20)
    assert gone(int((tmp_path / "pid").read_text()))


def test_a_program_that_is_not_there_is_reported(images):
    with pytest.raises(MissingFileError, match="there is no program 'no-such-program'"):
        load_adapter("command", ["command=no-such-program --fast"]).open()


def test_the_name_is_the_scripts_and_the_revision_follows_its_text(program):
    first = model_id(program("pass"))
    second = model_id(program("pass  # changed"))
    assert first.startswith("predictor@")
    assert first != second


@pytest.mark.parametrize("option", ["command=", "command='", "timeout=0", "restarts=-1"])
def test_options_that_are_not_valid_are_refused(option):
    options = [option] if option.startswith("command") else ["command=true", option]
    with pytest.raises(UsageError, match=f"-o {option.partition('=')[0]}="):
        load_adapter("command", options)


def test_a_program_in_another_language_does(images, tmp_path):
    script = tmp_path / "count.sh"
    script.write_text('while read -r line; do echo "{\\"count\\": 7}"; done\n')
    predictor = load_adapter("command", [f"command=sh {script}"])
    try:
        assert [answer.count for answer in answers(predictor, images)] == [7, 7, 7]
    finally:
        predictor.close()


def test_a_large_answer_arrives_whole(program, images):
    predictor = program("print(json.dumps({'points': [[i, i] for i in range(200_000)]}))")
    assert len(answers(predictor, images[:1])[0].xy) == 200_000


def test_requests_are_lines_of_json(program, images, tmp_path):
    predictor = program(f"open({str(tmp_path / 'request')!r}, 'w').write(line); print(json.dumps({{'count': 1}}))")
    answers(predictor, images[:1])
    request = json.loads((tmp_path / "request").read_text())
    assert {key: request[key] for key in ("id", "width", "height")} == {"id": "a", "width": 6, "height": 4}
