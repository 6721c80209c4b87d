"""Lots and the decisions on them and their parts, as rows that only grow.

The parts of a lot are the inspections that carry its number and were captured while it was open: a part and its being
one of the lot are one commit, so that a killed program leaves neither half of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from typing import Any, Protocol

import sqlalchemy as sa

from app.domain.errors import StoreError
from app.domain.inspection import Inspection
from app.domain.lot import Choice, ClassPlan, Decision, Grade, Limit, Lot, LotPlan, LotState, Order, state_of
from app.domain.sampling import Plan, Severity
from app.store import rows, schema
from app.store.auditing import AuditLog

lot_table = sa.Table(
    "lot",
    schema.metadata,
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("id", sa.Text, nullable=False),
    sa.Column("number", sa.Text, nullable=False),
    sa.Column("material", sa.Text, nullable=False),
    sa.Column("supplier", sa.Text, nullable=False),
    sa.Column("standard", sa.Text, nullable=False),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("plan", sa.Text, nullable=False),
    sa.Column("ordered", sa.Text, nullable=False),
    sa.Column("opened_at", sa.Integer, nullable=False),
    sa.Column("opened_by", sa.Text, nullable=False),
    sa.Column("station", sa.Text, nullable=False),
    sa.Column("product", sa.Text, nullable=False),
    sa.UniqueConstraint("id", name="uq_lot_id"),
    sa.Index("ix_lot_supplier", "supplier", "material"),
)

decision_table = sa.Table(
    "lot_decision",
    schema.metadata,
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("lot", sa.Integer, sa.ForeignKey("lot.seq", name="fk_lot_decision_lot"), nullable=False),
    sa.Column("at", sa.Integer, nullable=False),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("choice", sa.Text, nullable=False),
    sa.Column("serial", sa.Text, nullable=False),
    sa.Column("inspection_id", sa.Text, nullable=False),
    sa.Column("grade", sa.Text, nullable=False),
    sa.Column("places", sa.Integer, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Index("ix_lot_decision_lot", "lot"),
)

_CLOSING = sa.and_(decision_table.c.serial == "", decision_table.c.choice != Choice.UNDO.value)


class _Write(Protocol):
    def __call__(self, work: Callable[[sa.Connection], None], /) -> None: ...


class LotBook:
    """Opens lots, adds decisions, and gives back what is on record."""

    def __init__(
        self,
        write: _Write,
        read: Callable[[], AbstractContextManager[sa.Connection]],
        audit: AuditLog,
        inspections: Callable[[sa.Select[Any]], list[tuple[tuple[int, int], Inspection]]],
    ) -> None:
        self._write, self._read, self._audit, self._inspections = write, read, audit, inspections
        self._closed: dict[str, LotState] = {}  # without their parts: closed lots never change

    def open(self, lot: Lot) -> None:
        """Adds a lot.

        Raises:
            StoreError: another one is open.
        """

        def work(connection: sa.Connection) -> None:
            other = connection.execute(sa.select(lot_table.c.number).where(~_closed()).limit(1)).scalar()
            if other is not None:
                raise StoreError(f"Lot {other} is open. Finish it first.")
            connection.execute(sa.insert(lot_table), _lot_row(lot))
            order = lot.order
            detail = {"material": order.material, "supplier": order.supplier, "size": order.size}
            self._audit.append(
                connection, lot.opened_at, lot.opened_by, "lot opened", rows.text(order.number), _json(detail)
            )

        self._write(work)

    def add(self, lot: Lot, decision: Decision) -> None:
        """Adds a decision on the lot or one of its parts; what was decided before stays.

        Raises:
            StoreError: the lot was closed meanwhile, or there is none.
        """

        def work(connection: sa.Connection) -> None:
            seq = connection.execute(sa.select(lot_table.c.seq).where(lot_table.c.id == lot.id)).scalar()
            if seq is None:
                raise StoreError(f"There is no lot {lot.order.number} in the record.")
            table = decision_table
            closed = sa.select(table.c.seq).where(table.c.lot == seq, _CLOSING)
            if connection.execute(closed).first() is not None:
                raise StoreError(f"Lot {lot.order.number} was closed. What was decided stays.")
            connection.execute(
                sa.insert(table).values(
                    lot=seq,
                    at=rows.moment_to_int(decision.at),
                    person=rows.text(decision.person),
                    choice=decision.choice.value,
                    serial=rows.text(decision.serial),
                    inspection_id=decision.inspection_id,
                    grade=decision.grade.value if decision.grade else "",
                    places=decision.places,
                    reason=rows.text(decision.reason),
                )
            )
            what = {"decision": decision.choice.value, "part": decision.serial, "reason": decision.reason}
            action = "part decided" if decision.serial else "lot decided"
            self._audit.append(
                connection, decision.at, decision.person, action, rows.text(lot.order.number), _json(what)
            )

        self._write(work)

    def current(self) -> LotState | None:
        """The open lot."""
        with self._read() as connection:
            row = connection.execute(sa.select(lot_table).where(~_closed()).limit(1)).first()
        return None if row is None else self._state(row)

    def state(self, id: str) -> LotState | None:
        """A lot with its parts and decisions."""
        with self._read() as connection:
            row = connection.execute(sa.select(lot_table).where(lot_table.c.id == id)).first()
        return None if row is None else self._state(row)

    def newest(self, limit: int = 20) -> list[LotState]:
        """The lots opened last, newest first."""
        return self._states(sa.select(lot_table).order_by(lot_table.c.seq.desc()).limit(limit))

    def history(self, supplier: str, material: str, limit: int = 100) -> list[LotState]:
        """The closed lots of a supplier's material, oldest first, without their parts: what the switching rules
        look at."""
        same = sa.and_(
            lot_table.c.supplier == rows.text(supplier), lot_table.c.material == rows.text(material), _closed()
        )
        newest = sa.select(lot_table).where(same).order_by(lot_table.c.seq.desc()).limit(limit)
        with self._read() as connection:
            found = connection.execute(newest).all()
        for row in found:
            if row.id not in self._closed:
                self._closed[row.id] = replace(self._state(row), parts=(), decisions=())
        return [self._closed[row.id] for row in reversed(found)]

    def orders(self, limit: int = 200) -> list[Order]:
        """What was typed for the lots opened last, newest first."""
        query = sa.select(lot_table.c.ordered).order_by(lot_table.c.seq.desc()).limit(limit)
        with self._read() as connection:
            return [_order(text) for (text,) in connection.execute(query)]

    def _states(self, query: sa.Select[Any]) -> list[LotState]:
        with self._read() as connection:
            found = connection.execute(query).all()
        return [self._state(row) for row in found]

    def _state(self, row: sa.Row[Any]) -> LotState:
        lot = _lot(row)
        with self._read() as connection:
            decided = connection.execute(
                sa.select(decision_table).where(decision_table.c.lot == row.seq).order_by(decision_table.c.seq)
            ).all()
        decisions = [_decision(each) for each in decided]
        closing = next((each for each in decisions if not each.serial and each.choice is not Choice.UNDO), None)
        table = schema.inspection
        query = rows.INSPECTIONS.where(
            table.c.lot == row.number, table.c.lot != "", table.c.captured_at >= row.opened_at
        )
        if closing is not None:
            query = query.where(table.c.captured_at <= rows.moment_to_int(closing.at))
        looks = [look for _, look in self._inspections(query.order_by(table.c.seq))]
        return state_of(lot, looks, decisions)


def _closed() -> sa.Exists:
    return sa.exists().where(decision_table.c.lot == lot_table.c.seq, _CLOSING)


def _json(found: dict[str, Any]) -> str:
    return rows.text(json.dumps(found, ensure_ascii=False, separators=(",", ":"), default=str))


def _lot_row(lot: Lot) -> dict[str, Any]:
    order = lot.order
    return {
        "id": lot.id,
        "number": rows.text(order.number),
        "material": rows.text(order.material),
        "supplier": rows.text(order.supplier),
        "standard": rows.text(order.standard),
        "size": order.size,
        "plan": _json(asdict(lot.plan)),
        "ordered": _json(asdict(order)),
        "opened_at": rows.moment_to_int(lot.opened_at),
        "opened_by": rows.text(lot.opened_by),
        "station": rows.text(lot.station),
        "product": rows.text(lot.product),
    }


def _lot(row: sa.Row[Any]) -> Lot:
    return Lot(
        row.id,
        _order(row.ordered),
        _plan(row.plan),
        rows.int_to_moment(row.opened_at),
        row.opened_by,
        row.station,
        row.product,
    )


def _order(text: str) -> Order:
    found = json.loads(text)
    found["aqls"] = tuple((Grade(grade), aql) for grade, aql in found["aqls"])
    found["limits"] = tuple(Limit(**(each | {"grade": Grade(each["grade"])})) for each in found["limits"])
    return Order(**found)


def _plan(text: str) -> LotPlan:
    found = json.loads(text)
    found["severity"] = Severity(found["severity"])
    found["classes"] = tuple(
        ClassPlan(Grade(each["grade"]), each["aql"], Plan(**each["plan"])) for each in found["classes"]
    )
    return LotPlan(**found)


def _decision(row: sa.Row[Any]) -> Decision:
    return Decision(
        rows.int_to_moment(row.at),
        row.person,
        Choice(row.choice),
        row.serial,
        row.inspection_id,
        Grade(row.grade) if row.grade else None,
        row.places,
        row.reason,
        row.seq,
    )
