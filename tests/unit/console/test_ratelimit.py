"""How often one address may ask."""

from __future__ import annotations

from console.linkpage import language_of, page
from console.ratelimit import _MOST, RateLimit


def test_a_burst_then_so_many_a_minute() -> None:
    now = [0.0]
    limit = RateLimit(per_minute=6, burst=3, clock=lambda: now[0])
    assert [limit.allow("a") for _ in range(4)] == [True, True, True, False]
    assert limit.allow("b"), "another address is another"
    now[0] = 9.9
    assert not limit.allow("a")
    now[0] = 18
    assert [limit.allow("a") for _ in range(2)] == [True, False]
    now[0] = 1e6
    assert [limit.allow("a") for _ in range(4)] == [True, True, True, False]


def test_the_memory_is_bounded() -> None:
    limit = RateLimit(per_minute=1, burst=1, clock=lambda: 0.0)
    for number in range(_MOST + 5):
        assert limit.allow(str(number))
    assert not limit.allow(str(_MOST))
    assert limit.allow("0"), "who asked longest ago is forgotten"


def test_language_of_a_reader() -> None:
    assert language_of("zh-CN,zh;q=0.9,en;q=0.5", "en") == "zh"
    assert language_of("fr, en-GB;q=0.8", "zh") == "en"
    assert language_of("fr", "zh") == language_of(None, "zh") == "zh"


def test_pages_hold_no_html_of_others() -> None:
    shown = page("en", "<script>", "<img src=x>", button="<b>")
    assert "<script>" not in shown
    assert "<img" not in shown
    assert "&lt;b&gt;" in shown
