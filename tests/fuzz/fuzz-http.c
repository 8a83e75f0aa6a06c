/* Any bytes as what a peer sends to the server: whatever it makes of them, a
 * proper request is answered afterwards. */
#include "fuzz.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/panic.h"
#include "net/http_server.h"

static const char proper[] = "POST /here HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
			     "Connection: close\r\n\r\nok";

static void here(void *arg, const struct http_request *r, struct http_exchange *x)
{
	http_answer(x, &(struct http_reply){ .status = 200, .text = r->body });
}

static struct http_server *serve(void)
{
	static struct http_server *s;
	static const struct http_route route = { "POST", "/here", here, NULL, NULL };
	struct err err = { 0 };
	if (s)
		return s;
	s = http_server_create(&(struct http_server_options){ .address = "127.0.0.1:0", .route = &route,
							       .route_n = 1, .body_max = 4096,
							       .patience_ms = 5000 }, &err);
	if (!s)
		panic("%s", err.what);
	return s;
}

static int say(const void *data, size_t len)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				  .sin_port = htons((uint16_t)http_server_port(serve())) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof(at)) != 0)
		panic("cannot connect");
	/* a server that has heard enough may close while more is sent */
	for (size_t sent = 0; sent < len;) {
		ssize_t n = send(fd, (const char *)data + sent, len - sent, MSG_NOSIGNAL);
		if (n <= 0)
			break;
		sent += (size_t)n;
	}
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char answer[12];
	/* what is cut short would be waited for: the peer goes away instead, after
	 * the server had the time of one request to hear it */
	int fuzzed = say(data, len);
	int fd = say(proper, sizeof(proper) - 1);
	ssize_t n = recv(fd, answer, sizeof(answer), MSG_WAITALL);
	if (n < (ssize_t)sizeof(answer) || memcmp(answer, "HTTP/1.1 200", 12) != 0)
		panic("a proper request was not answered afterwards");
	close(fuzzed);
	close(fd);
	return 0;
}
