"""People: who is on duty when, who is told in which order, and what happens when nobody acknowledges.

model.py      people, teams, schedules, overrides, leave, policies: what `people.yml` and the database say
rota.py       when duty is handed over, by the clock on the wall
duty.py       who is on duty at a moment, and the shifts of a span of time; both from one function
policies.py   which policy an order has, and whom its steps reach now
handing.py    what is said to whom when duty changes hands
spec.py       people.yml to the model, with file, line and key of every fault
ical.py       calendars out and in
roster.py     the model from and into the database
escalation.py the steps of a policy as notices, ledger entries and timers
explain.py    `citybrain explain who`
"""
