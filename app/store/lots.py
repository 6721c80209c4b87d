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

_UNDONE = decision_table.alias("undone")
_CLOSING = sa.and_(  # a decision on the lot that was not taken back
    decision_table.c.serial == "",
    decision_table.c.choice != Choice.UNDO.value,
    ~sa.exists().where(
        _UNDONE.c.lot == decision_table.c.lot,
        _UNDONE.c.serial == "",
        _UNDONE.c.choice == Choice.UNDO.value,
        _UNDONE.c.seq > decision_table.c.seq,
    ),
)


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
        self._closed: dict[str, LotState] = {}  # without their parts

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
            _insert(connection, seq, decision)
            what = {"decision": decision.choice.value, "part": decision.serial, "reason": decision.reason}
            action = "part decided" if decision.serial else "lot decided"
            self._audit.append(
                connection, decision.at, decision.person, action, rows.text(lot.order.number), _json(what)
            )

        self._write(work)

    def take_back(self, lot: Lot, decision: Decision) -> None:
        """Opens a closed lot again by one more row; what was decided stays on record.

        Raises:
            StoreError: another lot is open; this one is open already; or a later lot of the same supplier's material
                was sampled by what was decided here.
        """

        def work(connection: sa.Connection) -> None:
            seq = connection.execute(sa.select(lot_table.c.seq).where(lot_table.c.id == lot.id)).scalar()
            if seq is None:
                raise StoreError(f"There is no lot {lot.order.number} in the record.")
            table, order = decision_table, lot.order
            other = connection.execute(sa.select(lot_table.c.number).where(~_closed()).limit(1)).scalar()
            if other is not None:
                words = "It is open already." if other == order.number else "Finish it first."
                raise StoreError(f"Lot {other} is open. {words}")
            later = sa.select(lot_table.c.number).where(
                lot_table.c.seq > seq,
                lot_table.c.supplier == rows.text(order.supplier),
                lot_table.c.material == rows.text(order.material),
            )
            if (number := connection.execute(later.limit(1)).scalar()) is not None:
                raise StoreError(
                    f"Lot {number} of the same material was sampled by what was decided on lot {order.number}: that "
                    "decision stays. Open a new lot for what is to be looked at again."
                )
            before = connection.execute(sa.select(table.c.choice).where(table.c.lot == seq, _CLOSING)).scalar()
            _insert(connection, seq, decision)
            what = {"taken back": before, "reason": decision.reason}
            self._audit.append(
                connection, decision.at, decision.person, "lot opened again", rows.text(order.number), _json(what)
            )

        self._write(work)
        self._closed.pop(lot.id, None)

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
        closing = next((each for each in reversed(decisions) if not each.serial), None)
        if closing is not None and closing.choice is Choice.UNDO:
            closing = None
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


def _insert(connection: sa.Connection, lot: int, decision: Decision) -> None:
    connection.execute(
        sa.insert(decision_table).values(
            lot=lot,
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
