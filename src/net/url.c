#include <arpa/inet.h>

#include "net/http_client.h"

/* Where the host ends; what follows decides nothing here. */
static size_t host_len(struct sv rest)
{
	size_t n = 0;
	if (sv_starts(rest, SV("["))) {
		while (n < rest.len && rest.ptr[n] != ']')
			n++;
		return n < rest.len ? n + 1 : 0;
	}
	while (n < rest.len && !strchr(":/?#", rest.ptr[n]))
		n++;
	return n;
}

/* By address, never by prefix: '127.0.0.1.example.com' is somebody's host. */
static bool is_loopback(struct sv host)
{
	char text[INET_ADDRSTRLEN];
	struct in_addr address;
	if (sv_eq_nocase(host, SV("localhost")) || sv_eq(host, SV("[::1]")))
		return true;
	if (host.len >= sizeof(text))
		return false;
	memcpy(text, host.ptr, host.len);
	text[host.len] = '\0';
	return inet_pton(AF_INET, text, &address) == 1 && ntohl(address.s_addr) >> 24 == 127;
}

/* Characters that clients disagree about, so that the host checked here is
 * the host curl connects to; and user names, which hide the host from people. */
static bool is_odd(struct sv url)
{
	for (size_t i = 0; i < url.len; i++) {
		unsigned char c = (unsigned char)url.ptr[i];
		if (c <= ' ' || c == 0x7f || c == '\\')
			return true;
	}
	return false;
}

bool http_url_allowed(struct sv url, struct err *err)
{
	bool tls = sv_starts(url, SV("https://"));
	if (is_odd(url) || (!tls && !sv_starts(url, SV("http://")))) {
		err_set(err, ERR_BAD_INPUT, "url: not an https:// address");
		return false;
	}
	size_t scheme = tls ? 8 : 7;
	struct sv rest = sv_make(url.ptr + scheme, url.len - scheme);
	struct sv host = sv_make(rest.ptr, host_len(rest));
	size_t authority = 0;
	while (authority < rest.len && !strchr("/?#", rest.ptr[authority]))
		authority++;
	if (host.len == 0 || memchr(rest.ptr, '@', authority)) {
		err_set(err, ERR_BAD_INPUT, "url: no host, or a user name before it");
		return false;
	}
	if (!tls && !is_loopback(host)) {
		err_set(err, ERR_BAD_INPUT,
			"http://%.*s: plain http is only for loopback addresses; use https",
			SV_ARG(host));
		return false;
	}
	return true;
}
