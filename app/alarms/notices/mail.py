"""Notices by e-mail (SMTP, RFC 5321), with the picture in it. The id stands in Message-ID and Idempotency-Key."""

from __future__ import annotations

import base64
import smtplib
import ssl
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr

from app.alarms.notices.channel import SendError
from app.alarms.notices.message import Message
from app.alarms.notices.options import port_of
from app.domain.notice import Recipient

SECONDS = 15.0
PORTS = {"starttls": 587, "tls": 465, "none": 25}


class Mail:
    """Options: host, port, security ("starttls", "tls" or "none"), user, from, to (several with commas). The secret
    is the user's password."""

    def send(self, recipient: Recipient, secret: str, message: Message) -> str:
        """See `Channel`. Several addresses: it is sent where the server takes it for all of them."""
        security = recipient.options.get("security", "starttls")
        if security not in PORTS:
            raise SendError(f"{recipient.name}: security is starttls, tls or none, not {security!r}.", final=True)
        host, user = recipient.option("host"), recipient.options.get("user", "")
        to = [address.strip() for address in recipient.option("to").split(",") if address.strip()]
        sender = recipient.options.get("from", "") or (user if "@" in user else to[0])
        for address in (*to, sender):
            if "@" not in parseaddr(address)[1] or any(sign in address for sign in "\r\n"):
                raise SendError(f"{recipient.name}: {address!r} is no e-mail address.", final=True)
        port = port_of(recipient, PORTS[security])
        if user and not secret:
            raise SendError(f"{recipient.name}: there is no password for {user}. Enter it.", final=True)
        mail = _mail(message, sender, to)
        try:
            with _connected(host, port, security) as server:
                if user:
                    _log_in(server, user, secret)
                server.send_message(mail, parseaddr(sender)[1], [parseaddr(address)[1] for address in to])
        except smtplib.SMTPAuthenticationError as error:
            raise SendError(f"{host} does not take user and password ({error.smtp_code}).", final=True) from error
        except smtplib.SMTPRecipientsRefused as error:
            codes = ", ".join(f"{address}: {code}" for address, (code, _) in error.recipients.items())
            final = all(code >= 500 for code, _ in error.recipients.values())
            raise SendError(f"{host} does not take mail for {codes}.", final=final) from error
        except smtplib.SMTPResponseException as error:
            text = (
                error.smtp_error.decode("utf-8", "replace") if isinstance(error.smtp_error, bytes) else error.smtp_error
            )
            raise SendError(f"{host} answered {error.smtp_code} {text}.", final=error.smtp_code >= 500) from error
        except smtplib.SMTPNotSupportedError as error:
            raise SendError(f"{host} does not offer what is asked for ({error}).", final=True) from error
        except (smtplib.SMTPException, OSError) as error:
            raise SendError(f"{host}:{port} can't be reached ({_why(error)}).") from error
        return f"{host} has taken the mail for {', '.join(to)}."


def _connected(host: str, port: int, security: str) -> smtplib.SMTP:
    context = ssl.create_default_context()
    if security == "tls":
        return smtplib.SMTP_SSL(host, port, timeout=SECONDS, context=context)
    server = smtplib.SMTP(host, port, timeout=SECONDS)
    if security == "starttls":
        try:
            server.starttls(context=context)
        except BaseException:
            server.close()
            raise
    return server


def _log_in(server: smtplib.SMTP, user: str, secret: str) -> None:
    if (user + secret).isascii():
        server.login(user, secret)
        return
    # smtplib knows ASCII only, and would leave the server waiting; PLAIN takes UTF-8 (RFC 4616).
    server.ehlo_or_helo_if_needed()
    both = base64.b64encode(f"\0{user}\0{secret}".encode()).decode("ascii")
    code, said = server.docmd("AUTH", f"PLAIN {both}")
    if code not in (235, 503):
        raise smtplib.SMTPAuthenticationError(code, said)


def _mail(message: Message, sender: str, to: list[str]) -> EmailMessage:
    mail = EmailMessage()
    mail["Subject"] = message.subject
    mail["From"] = sender
    mail["To"] = ", ".join(to)
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail["Message-ID"] = f"<{message.id}@linesight>"
    mail["Idempotency-Key"] = message.id
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no answers of absent people
    mail.set_content(message.text)
    if message.picture:
        mail.add_attachment(message.picture, "image", "jpeg", filename="part.jpg", disposition="inline")
    return mail


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
