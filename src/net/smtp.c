#include "net/smtp.h"

#include <curl/curl.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <time.h>

#include "base/log.h"
#include "base/panic.h"

enum {
	TIMEOUT_MS = 30 * 1000,
	CONNECT_TIMEOUT_MS = 10 * 1000,
	HEADER_MAX = 8 * 1024,
	TEXT_MAX = 1024 * 1024,
	ANSWER_MAX = 300,
	WORD_BYTES = 42, /* 56 in base64: with its frame a line of less than 76 */
};

/* ---- headers ---- */

struct sv smtp_address(const char *from)
{
	struct sv name, address, all = sv_of(from);
	if (!sv_cut(all, '<', &name, &address))
		return all;
	address.len -= sv_ends(address, SV(">"));
	return address;
}

static bool is_plain(struct sv text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] < ' ' || text.ptr[i] > '~')
			return false;
	return !text.len || !memmem(text.ptr, text.len, "=?", 2);
}

/* Where the next word ends: not within a character. */
static size_t word_len(struct sv text)
{
	size_t n = text.len;
	if (n > WORD_BYTES)
		for (n = WORD_BYTES; n > 1 && ((unsigned char)text.ptr[n] & 0xc0) == 0x80;)
			n--;
	return n;
}

void smtp_add_words(struct buf *b, struct sv text)
{
	unsigned char part[WORD_BYTES];
	char coded[WORD_BYTES * 2];
	if (is_plain(text)) {
		buf_add(b, text);
		return;
	}
	for (size_t at = 0, n; at < text.len; at += n) {
		n = word_len(sv_make(text.ptr + at, text.len - at));
		for (size_t i = 0; i < n; i++) {
			unsigned char c = (unsigned char)text.ptr[at + i];
			part[i] = c < ' ' || c == 0x7f ? ' ' : c;
		}
		EVP_EncodeBlock((unsigned char *)coded, part, (int)n);
		buf_addf(b, "%s=?UTF-8?B?%s?=", at ? "\r\n " : "", coded);
	}
}

static void add_from(struct buf *b, const char *from)
{
	struct sv name, address;
	sv_cut(sv_of(from), '<', &name, &address);
	name = sv_trim(name);
	if (address.len && is_plain(name) && !memchr(name.ptr, '"', name.len) &&
	    !memchr(name.ptr, '\\', name.len)) {
		buf_addf(b, "\"%.*s\"", SV_ARG(name));
	} else if (address.len) {
		smtp_add_words(b, name);
	}
	buf_addf(b, address.len ? " <%.*s>" : "%.*s", SV_ARG(smtp_address(from)));
}

/* English names whatever the locale is: RFC 5322 knows no others. */
static void add_date(struct buf *b, int64_t ms)
{
	static const char *const day[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char *const month[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
					     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	time_t s = (time_t)(ms / 1000);
	struct tm t;
	gmtime_r(&s, &t);
	buf_addf(b, "%s, %02d %s %d %02d:%02d:%02d +0000", day[t.tm_wday], t.tm_mday, month[t.tm_mon],
		 t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
}

static void add_line(struct curl_slist **list, struct buf *b)
{
	struct curl_slist *longer = b->full ? NULL : curl_slist_append(*list, b->ptr);
	if (!longer)
		panic("a mail's header does not fit");
	*list = longer;
	buf_clear(b);
}

static struct curl_slist *make_headers(const struct smtp_mail *m)
{
	struct curl_slist *list = NULL;
	struct buf b;
	buf_init(&b, HEADER_MAX);
	buf_addf(&b, "Date: ");
	add_date(&b, m->date_ms);
	add_line(&list, &b);
	buf_addf(&b, "From: ");
	add_from(&b, m->from);
	add_line(&list, &b);
	buf_addf(&b, "To: %s", m->to);
	add_line(&list, &b);
	buf_addf(&b, "Message-ID: <%s>", m->id);
	add_line(&list, &b);
	buf_addf(&b, "Subject: ");
	smtp_add_words(&b, sv_make(m->subject.ptr, m->subject.len < 500 ? m->subject.len : 500));
	add_line(&list, &b);
	/* RFC 3834: nobody's absence answers this */
	buf_addf(&b, "Auto-Submitted: auto-generated");
	add_line(&list, &b);
	buf_finish(&b);
	return list;
}

/* ---- the transfer ---- */

struct exchange {
	const struct smtp_server *server;
	char last[ANSWER_MAX]; /* the server's last line, or its first refusal */
	int refused;	       /* the code of that, or 0 */
};

static size_t on_answer(char *data, size_t size, size_t n, void *arg)
{
	struct exchange *x = arg;
	struct sv line = sv_trim(sv_make(data, size * n));
	int64_t code;
	/* what it says of the QUIT that follows explains nothing */
	if (x->refused)
		return size * n;
	if (line.len >= 3 && sv_to_i64(sv_make(line.ptr, 3), &code) && code >= 400)
		x->refused = (int)code;
	size_t len = line.len < sizeof(x->last) - 1 ? line.len : sizeof(x->last) - 1;
	for (size_t i = 0; i < len; i++)
		x->last[i] = line.ptr[i] < ' ' || line.ptr[i] > '~' ? '?' : line.ptr[i];
	x->last[len] = '\0';
	return size * n;
}

static int on_progress(void *arg, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
		       curl_off_t up)
{
	const struct exchange *x = arg;
	return x->server->stop && atomic_load(x->server->stop);
}

static curl_mime *make_body(CURL *curl, const struct smtp_mail *m)
{
	struct buf text;
	buf_init(&text, TEXT_MAX);
	for (size_t i = 0; i < m->text.len; i++) {
		if (m->text.ptr[i] == '\n')
			buf_addc(&text, '\r');
		buf_addc(&text, m->text.ptr[i]);
	}
	curl_mime *mime = curl_mime_init(curl);
	curl_mimepart *part = curl_mime_addpart(mime);
	curl_mime_data(part, text.ptr ? text.ptr : "", text.len);
	curl_mime_type(part, "text/plain; charset=utf-8");
	curl_mime_encoder(part, "quoted-printable");
	buf_finish(&text);
	return mime;
}

static void set_up(CURL *curl, struct exchange *x, char *error_text)
{
	const struct smtp_server *s = x->server;
	curl_easy_setopt(curl, CURLOPT_URL, s->url);
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)TIMEOUT_MS);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
	curl_easy_setopt(curl, CURLOPT_USE_SSL, (long)(s->encrypted ? CURLUSESSL_ALL : CURLUSESSL_NONE));
	if (s->ca)
		curl_easy_setopt(curl, CURLOPT_CAINFO, s->ca);
	if (s->username && s->password) {
		curl_easy_setopt(curl, CURLOPT_USERNAME, s->username);
		curl_easy_setopt(curl, CURLOPT_PASSWORD, s->password);
	}
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error_text);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_answer);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, x);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, x);
}

/* The whole mail went out, and only the answer to it is missing? */
static bool all_was_sent(CURL *curl)
{
	curl_off_t sent = 0;
	curl_easy_getinfo(curl, CURLINFO_SIZE_UPLOAD_T, &sent);
	return sent > 0;
}

static void classify(CURL *curl, CURLcode code, const struct exchange *x, const char *why,
		     struct err *err)
{
	if (code == CURLE_ABORTED_BY_CALLBACK && !all_was_sent(curl))
		err_set(err, ERR_STOPPED, "%s: stopped", x->server->url);
	else if (code == CURLE_LOGIN_DENIED)
		err_set(err, ERR_AUTH, "%s: the login is refused: %s", x->server->url, x->last);
	else if (x->refused)
		err_set(err, x->refused >= 500 ? ERR_REJECTED : ERR_SERVER, "%s: %s", x->server->url, x->last);
	else
		err_set(err, all_was_sent(curl) ? ERR_LOST : ERR_UNREACHABLE, "%s: %s", x->server->url, why);
	if (x->refused) /* 421: it closes its door; anything else is about this mail */
		err->scope = x->refused == 421 || code == CURLE_LOGIN_DENIED ? SCOPE_SYSTEM : SCOPE_RECORD;
}

static void curl_begin(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		panic("libcurl does not start");
}

bool smtp_send(const struct smtp_server *server, const struct smtp_mail *mail, struct err *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, curl_begin);
	struct exchange x = { .server = server };
	char error_text[CURL_ERROR_SIZE] = "", from[300];
	struct sv address = smtp_address(mail->from);
	CURL *curl = curl_easy_init();
	if (!curl)
		panic("curl_easy_init: out of memory");
	snprintf(from, sizeof(from), "<%.*s>", SV_ARG(address));
	struct curl_slist *headers = make_headers(mail), *to = curl_slist_append(NULL, mail->to);
	curl_mime *mime = make_body(curl, mail);
	set_up(curl, &x, error_text);
	curl_easy_setopt(curl, CURLOPT_MAIL_FROM, from);
	curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, to);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_MIMEPOST, mime);
	CURLcode code = curl_easy_perform(curl);
	log_debug("smtp", "%s: %s: %s", server->url, curl_easy_strerror(code), x.last);
	if (code != CURLE_OK)
		classify(curl, code, &x, error_text[0] ? error_text : curl_easy_strerror(code), err);
	curl_mime_free(mime);
	curl_slist_free_all(headers);
	curl_slist_free_all(to);
	curl_easy_cleanup(curl);
	return code == CURLE_OK;
}
