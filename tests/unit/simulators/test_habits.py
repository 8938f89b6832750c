import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.orders import move
from simulators.habits import MINUTE_MS, URGENT_MINUTES, Habit, Work, habit_of, next_move

SWIFT = Habit(ack_min=3, travel_min=10, work_min=20, late=False, gives_back="")


def _run(habit: Habit, *, rework: int = 0, minutes: int = 2000) -> list[tuple[int, str]]:
    """Moves of a crew, minute by minute, against the real table of states; a returned order comes back after a minute."""
    work, state, done = Work(habit, "dispatched", 0), "dispatched", list[tuple[int, str]]()
    for minute in range(minutes):
        now = minute * MINUTE_MS
        if state == "returned":
            state = move(state, "redispatch")
        elif state == "fixed":
            if not rework:
                break
            rework -= 1
            state = move(state, "rework")
        work.sees(state, now)
        do = next_move(work, now)
        if do is not None:
            state = move(state, do.verb)
            work.gave_back = work.gave_back or do.verb == "return"
            work.sees(state, now)
            done.append((minute, do.verb))
    return done


def test_a_crew_acknowledges_travels_and_repairs() -> None:
    assert _run(SWIFT) == [(3, "ack"), (13, "arrive"), (33, "fix")]


def test_only_the_repair_touches_the_world() -> None:
    assert next_move(Work(SWIFT, "on_site", 0), 20 * MINUTE_MS) == ("fix", "repaired", True)
    for state in ("dispatched", "acknowledged"):
        do = next_move(Work(SWIFT, state, 0), 60 * MINUTE_MS)
        assert do is not None
        assert not do.repairs


def test_an_order_is_given_back_once_with_a_reason() -> None:
    habit = SWIFT._replace(gives_back="no access")
    assert [verb for _, verb in _run(habit)] == ["return", "ack", "arrive", "fix"]


def test_rework_is_done_again() -> None:
    assert [verb for _, verb in _run(SWIFT, rework=1)] == ["ack", "arrive", "fix", "ack", "arrive", "fix"]


@pytest.mark.parametrize("state", ["fixed", "verified", "closed", "cancelled", "returned", "a_state_of_tomorrow"])
def test_others_act_in_these_states(state: str) -> None:
    assert next_move(Work(SWIFT, state, 0), 10**9) is None


@given(st.integers(0, 10**6), st.text(min_size=1, max_size=12), st.floats(30, 4000), st.integers(0, 50), st.integers(0, 50))
def test_every_move_of_every_crew_is_one_that_the_table_allows(
    seed: int, asset: str, limit: float, place: int, urgent_place: int
) -> None:
    habit = habit_of(seed, asset, "cover_open", limit, place=place, urgent_place=urgent_place)
    assert habit == habit_of(seed, asset, "cover_open", limit, place=place, urgent_place=urgent_place)
    verbs = [verb for _, verb in _run(habit, rework=1, minutes=6000)]
    assert verbs[-3:] == ["ack", "arrive", "fix"]
    assert set(verbs) <= {"ack", "arrive", "fix", "return"}


def test_some_urgent_orders_are_left_until_they_are_overdue_and_some_are_given_back() -> None:
    urgent = [habit_of(7, f"MH-{n}", "cover_open", 120, place=n, urgent_place=n) for n in range(20)]
    assert [n for n, habit in enumerate(urgent) if habit.late] == [1, 6, 11, 16]
    assert all(habit.ack_min > 120 for habit in urgent if habit.late)
    assert [n for n, habit in enumerate(urgent) if habit.gives_back] == [3, 12]
    patient = [habit_of(7, f"SL-{n}", "lamp_dark", URGENT_MINUTES + 1, place=n, urgent_place=n) for n in range(20)]
    assert not any(habit.late for habit in patient)
