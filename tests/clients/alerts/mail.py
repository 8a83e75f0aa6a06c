"""A mail server that says what it got, a JSON object a line on standard output.

  mail.py PORT [CERTIFICATE KEY]

First line: {"port"}. With a certificate it wants STARTTLS and the login treaty /
mail-password; without, it offers neither. It refuses the address refused@..., and
after the first mail to lost@... it goes away without an answer. Ends with its
standard input.
"""
import asyncio
import email
import email.policy
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

lost = 0


def say(**what):
    print(json.dumps(what), flush=True)


class Handler:
    async def handle_MAIL(self, server, session, envelope, address, options):
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("refused@"):
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        global lost
        m = email.message_from_bytes(envelope.content, policy=email.policy.default)
        part = m.get_body(("plain",))
        say(sender=envelope.mail_from, to=envelope.rcpt_tos, tls=session.ssl is not None,
            login=session.authenticated, id=m["Message-ID"], subject=m["Subject"], header_from=m["From"],
            header_to=m["To"], auto=m["Auto-Submitted"], date=m["Date"].datetime.isoformat(),
            defects=[str(d) for d in m.defects], text=part.get_content(),
            longest=max(len(line) for line in envelope.content.split(b"\r\n")))
        if envelope.rcpt_tos[0].startswith("lost@") and not lost:
            lost += 1
            server.transport.abort()
        return "250 taken"


def login(server, session, envelope, mechanism, data):
    ok = isinstance(data, LoginPassword) and (data.login, data.password) == (b"treaty", b"mail-password")
    return AuthResult(success=ok, handled=ok)


async def main(port, *certificate):
    how = {}
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        how = dict(tls_context=context, require_starttls=True, auth_required=True, authenticator=login)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Handler(), hostname="mail.test", loop=loop, **how),
                                      "127.0.0.1", int(port))
    say(port=server.sockets[0].getsockname()[1])
    await loop.run_in_executor(None, sys.stdin.read)


asyncio.run(main(*sys.argv[1:]))
