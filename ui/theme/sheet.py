"""The style sheet. Widgets name their role by the property `kind`; sizes come from the metrics."""

from __future__ import annotations

from ui.theme.metrics import RADIUS, Metrics
from ui.theme.tokens import Tokens


def style_sheet(t: Tokens, m: Metrics) -> str:
    """The whole application's style sheet for one theme and one screen."""
    hover = t.line
    return f"""
* {{ font-size: 16px; }}
QWidget {{ color: {t.text}; }}
QMainWindow, QWidget[kind="ground"] {{ background: {t.ground}; }}
QLabel {{ background: transparent; }}
QLabel[kind="title"] {{ font-size: 28px; font-weight: 600; }}
QLabel[kind="heading"] {{ font-size: 20px; font-weight: 600; }}
QLabel[kind="strong"] {{ font-weight: 600; }}
QLabel[kind="quiet"] {{ color: {t.quiet}; font-size: 14px; }}
QLabel[kind="note"] {{ color: {t.quiet}; }}
QLabel[kind="figure"] {{ font-size: 28px; font-weight: 600; }}
QFrame[kind="edge-bad"] {{ background: {t.failed}; border-radius: 2px; }}
QFrame[kind="edge-good"] {{ background: {t.passed}; border-radius: 2px; }}
QFrame[kind="edge-mention"] {{ background: {t.line}; border-radius: 2px; }}

QFrame[kind="card"] {{ background: {t.surface}; border: 1px solid {t.line}; border-radius: {RADIUS}px; }}
QFrame[kind="card-now"] {{ background: {t.surface}; border: 2px solid {t.text}; border-radius: {RADIUS}px; }}
QFrame[kind="bar"] {{ background: {t.surface}; border: none; border-bottom: 1px solid {t.line}; }}
QFrame[kind="rail"] {{ background: {t.surface}; border: none; border-right: 1px solid {t.line}; }}
QFrame[kind="sheet"] {{ background: {t.raised}; border: 1px solid {t.line}; border-radius: {RADIUS}px; }}
QFrame[kind="toast"] {{ background: {t.raised}; border: 1px solid {t.line}; border-radius: {RADIUS}px; }}
QFrame[kind="line"] {{ background: transparent; border: 1px solid transparent; border-radius: {RADIUS}px; }}
QFrame[kind="line-now"] {{ background: transparent; border: 1px solid {t.quiet}; border-radius: {RADIUS}px; }}
QFrame[kind="rule"] {{ background: {t.line}; border: none; max-height: 1px; min-height: 1px; }}

QPushButton {{
    background: {t.raised}; color: {t.text}; border: 1px solid {t.line}; border-radius: {RADIUS}px;
    padding: 0 16px; min-height: {m.touch - 2}px; font-weight: 500;
}}
QPushButton:hover {{ border-color: {t.quiet}; }}
QPushButton:pressed {{ background: {hover}; }}
QPushButton:focus {{ border: 2px solid {t.action}; padding: 0 15px; min-height: {m.touch - 4}px; }}
QPushButton:disabled {{ color: {t.quiet}; background: transparent; border: 1px solid {t.line}; }}
QPushButton[kind="primary"] {{
    background: {t.action}; color: {t.on_fill}; border: 1px solid {t.action}; font-weight: 600;
}}
QPushButton[kind="primary"]:focus {{ border: 2px solid {t.text}; }}
QPushButton[kind="primary"]:disabled {{ background: transparent; color: {t.quiet}; border: 1px solid {t.line}; }}
QPushButton[kind="chip"] {{ font-weight: 400; }}
QPushButton[kind="chip"]:checked {{
    background: {t.surface}; border: 2px solid {t.text}; font-weight: 600; padding: 0 15px;
    min-height: {m.touch - 4}px;
}}

QPushButton[kind="key"] {{ padding: 0 4px; font-size: 20px; }}
QPushButton[kind="person"] {{ background: transparent; border: none; padding: 0 12px; min-height: {m.top_bar}px; }}

QLineEdit, QComboBox, QDateEdit, QPlainTextEdit {{
    background: {t.surface}; color: {t.text}; border: 1px solid {t.line}; border-radius: {RADIUS}px;
    padding: 0 12px; min-height: {m.touch - 2}px; selection-background-color: {t.action};
    selection-color: {t.on_fill};
}}
QPlainTextEdit {{
    background: {t.surface}; color: {t.text}; border: 1px solid {t.line}; border-radius: {RADIUS}px; padding: 8px;
    selection-background-color: {t.action}; selection-color: {t.on_fill};
}}
QPlainTextEdit:focus {{ border: 2px solid {t.action}; padding: 7px; }}
QLineEdit:focus, QComboBox:focus, QDateEdit:focus {{
    border: 2px solid {t.action}; padding: 0 11px; min-height: {m.touch - 4}px;
}}
QLineEdit:disabled, QComboBox:disabled {{ color: {t.quiet}; }}
QLineEdit[readOnly="true"] {{ background: transparent; color: {t.quiet}; }}
QComboBox QLineEdit, QDateEdit QLineEdit, QComboBox QLineEdit:focus, QDateEdit QLineEdit:focus {{
    border: none; background: transparent; padding: 0; min-height: 0;
}}
QComboBox::drop-down, QDateEdit::drop-down {{ width: {m.touch}px; border: none; }}
QComboBox QAbstractItemView {{
    background: {t.raised}; color: {t.text}; border: 1px solid {t.line}; outline: none;
    selection-background-color: {t.action}; selection-color: {t.on_fill};
}}
QComboBox QAbstractItemView::item {{ min-height: {m.touch}px; padding: 0 12px; }}

QProgressBar {{
    background: {t.raised}; border: 1px solid {t.line}; border-radius: {RADIUS}px; min-height: 22px;
    max-height: 22px; text-align: center; color: transparent;
}}
QProgressBar::chunk {{ background: {t.action}; border-radius: {RADIUS - 1}px; }}

QListWidget, QTreeWidget, QTableWidget {{
    background: {t.surface}; border: 1px solid {t.line}; border-radius: {RADIUS}px; outline: none;
    gridline-color: {t.line};
}}
QListWidget::item, QTableWidget::item {{ padding: 0 12px; border-bottom: 1px solid {t.line}; }}
QListWidget::item {{ border-left: 4px solid transparent; }}
QListWidget::item:selected {{ background: {t.raised}; color: {t.text}; border-left: 4px solid {t.text}; }}
QHeaderView::section {{ background: {t.surface}; color: {t.quiet}; border: none;
    border-bottom: 1px solid {t.line}; padding: 8px 12px; font-size: 14px; }}

QScrollArea {{ background: transparent; border: none; }}
QScrollArea > QWidget > QWidget[kind="ground"] {{ background: {t.ground}; }}
QScrollBar:vertical {{ background: transparent; width: 12px; margin: 0; }}
QScrollBar::handle:vertical {{ background: {t.line}; border-radius: 6px; min-height: 48px; }}
QScrollBar:horizontal {{ background: transparent; height: 8px; margin: 0; }}
QScrollBar::handle:horizontal {{ background: {t.line}; border-radius: 4px; min-width: 48px; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}

QTextBrowser {{
    background: {t.surface}; color: {t.text}; border: 1px solid {t.line}; border-radius: {RADIUS}px;
    padding: 16px 24px; selection-background-color: {t.action}; selection-color: {t.on_fill};
}}
QMenu {{ background: {t.raised}; color: {t.text}; border: 1px solid {t.line}; padding: 4px 0; }}
QMenu::item {{ min-height: {m.touch - 8}px; padding: 0 24px; }}
QMenu::item:selected {{ background: {t.action}; color: {t.on_fill}; }}
QMenu::item:disabled {{ color: {t.quiet}; }}
QMenu::separator {{ height: 1px; background: {t.line}; margin: 4px 0; }}
QToolTip {{ background: {t.raised}; color: {t.text}; border: 1px solid {t.line}; padding: 8px; }}
QCalendarWidget QWidget {{ background: {t.raised}; color: {t.text}; }}
QCalendarWidget QWidget {{ alternate-background-color: {t.raised}; }}
QCalendarWidget QToolButton {{
    min-width: {m.touch}px; min-height: {m.touch}px; border: none; border-radius: {RADIUS}px; font-weight: 600;
}}
QCalendarWidget QToolButton:pressed {{ background: {t.line}; }}
QCalendarWidget QToolButton::menu-indicator {{ image: none; }}
QCalendarWidget QSpinBox {{ min-height: {m.touch - 8}px; border: 1px solid {t.line}; }}
QCalendarWidget QMenu::item {{ min-height: {m.touch}px; padding: 0 24px; }}
QCalendarWidget QMenu::item:selected {{ background: {t.action}; color: {t.on_fill}; }}
QCalendarWidget QAbstractItemView {{ selection-background-color: {t.action}; selection-color: {t.on_fill}; }}
"""
