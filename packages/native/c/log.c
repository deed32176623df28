/* Writes what the process says as Docker's json-file lines or CRI's. A full disk drops lines and never stops anyone. */
#include <sys/mman.h>

#include "log.h"

/* The longest line: every byte escaped to six, and what stands around it. */
enum { LINE_ROOM = 6 * LOG_LINE_BYTES + 256, OUT_BYTES = 4 * LINE_ROOM };

static _Alignas(4096) char out[OUT_BYTES];
static uint8_t plain[256]; /* bytes that stand for themselves in a JSON text */

static int open_file(struct log *log, int flags) {
	struct stat st;
	log->fd = open(log->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | flags, 0640);
	if (log->fd < 0 || fstat(log->fd, &st) != 0)
		return -1;
	log->size = (uint64_t)st.st_size;
	return 0;
}

int log_open(struct log *log, const struct shim_spec *spec) {
	*log = (struct log){.kind = spec->log_kind, .max_files = spec->log_max_files, .max_size = spec->log_max_size,
	                    .path = spec->log_path, .out = out, .fd = -1};
	for (int byte = 0x20; byte < 0x80; byte++)
		plain[byte] = strchr("\"\\<>&", byte) == NULL;
	return log->kind == LOG_NONE ? 0 : open_file(log, 0);
}

/* Writes the collected lines. After a short write the file is cut back to its last whole line. */
void log_flush(struct log *log) {
	size_t done = 0;
	while (log->fd >= 0 && done < log->filled) {
		ssize_t written = write(log->fd, log->out + done, log->filled - done);
		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			break;
		done += (size_t)written;
	}
	size_t whole = done;
	while (whole < log->filled && whole > 0 && log->out[whole - 1] != '\n')
		whole--;
	log->size += whole;
	if (done != whole && ftruncate(log->fd, (off_t)log->size) != 0)
		log->size += done - whole; /* the torn line stays: a reader skips it */
	log->filled = 0;
}

/* Moves log.N-1 to log.N, …, log to log.1, and starts a new file. With one file only, that one is emptied. */
static void rotate(struct log *log) {
	char from[PATH_MAX], to[PATH_MAX];
	log_flush(log);
	if (log->fd >= 0)
		close(log->fd);
	for (uint32_t number = log->max_files > 0 ? log->max_files - 1 : 0; number >= 1; number--) {
		snprintf(to, sizeof to, "%s.%u", log->path, number);
		if (number == 1)
			snprintf(from, sizeof from, "%s", log->path);
		else
			snprintf(from, sizeof from, "%s.%u", log->path, number - 1);
		rename(from, to);
	}
	open_file(log, log->max_files > 1 ? 0 : O_TRUNC);
}

/* Now, in RFC 3339 with the nanoseconds that are not zero at the end: Go's RFC3339Nano. */
static void stamp(struct log *log) {
	struct timespec now;
	struct tm day;
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &day);
	int length = snprintf(log->time, sizeof log->time, "%04d-%02d-%02dT%02d:%02d:%02d.%09ld", day.tm_year + 1900,
	                      day.tm_mon + 1, day.tm_mday, day.tm_hour, day.tm_min, day.tm_sec, now.tv_nsec);
	while (log->time[length - 1] == '0')
		length--;
	if (log->time[length - 1] == '.')
		length--;
	log->time[length] = 'Z';
	log->time_length = (size_t)length + 1;
}

/* Length of the UTF-8 sequence at `at`, or 0 when it is none: cut, overlong, a surrogate, or past U+10FFFF. */
static size_t sequence(const uint8_t *at, const uint8_t *end) {
	static const struct {
		uint8_t first, last, low, high, length;
	} forms[] = {
		{0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
		{0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
		{0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
	};
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		if (*at < forms[i].first || *at > forms[i].last)
			continue;
		size_t length = forms[i].length;
		if ((size_t)(end - at) < length || at[1] < forms[i].low || at[1] > forms[i].high)
			return 0;
		for (size_t k = 2; k < length; k++)
			if ((at[k] & 0xc0) != 0x80)
				return 0;
		return length;
	}
	return 0;
}

static char *put(char *to, const char *text, size_t length) {
	memcpy(to, text, length);
	return to + length;
}

/* One character that does not stand for itself, as Go's encoder writes it. */
static char *escape(char *to, const uint8_t **from, const uint8_t *end) {
	static const char digits[] = "0123456789abcdef";
	const uint8_t *at = *from;
	size_t length = *at < 0x80 ? 1 : sequence(at, end);
	*from = at + (length == 0 ? 1 : length);
	if (length == 0)
		return put(to, "\\ufffd", 6);
	if (length == 3 && at[0] == 0xe2 && at[1] == 0x80 && (at[2] & 0xfe) == 0xa8)
		return put(to, at[2] == 0xa8 ? "\\u2028" : "\\u2029", 6);
	if (length > 1)
		return put(to, (const char *)at, length);
	*to++ = '\\';
	if (*at == '"' || *at == '\\' || *at == '\n' || *at == '\r') {
		*to++ = *at == '\n' ? 'n' : *at == '\r' ? 'r' : (char)*at;
		return to;
	}
	to = put(to, "u00", 3);
	*to++ = digits[*at >> 4];
	*to++ = digits[*at & 15];
	return to;
}

/* Tells whether eight bytes all stand for themselves: none is a control, above 0x7f, or one of " & < > \\. The two pairs
 * differ in one bit each; a borrow only ever makes a plain byte look odd, which costs time and nothing else. */
static bool all_plain(uint64_t bytes) {
	const uint64_t ones = 0x0101010101010101u, high = ones << 7;
	uint64_t quotes = (bytes & ~(ones * 4)) ^ ones * '"', brackets = (bytes & ~(ones * 2)) ^ ones * '<';
	uint64_t backslash = bytes ^ ones * '\\';
	uint64_t odd = (bytes - ones * 0x20) | (quotes - ones) | (brackets - ones) | (backslash - ones) | bytes;
	return (odd & high) == 0;
}

static char *json_line(char *to, const struct log *log, const char *stream, const char *bytes, size_t length, bool whole) {
	const uint8_t *from = (const uint8_t *)bytes, *end = from + length;
	to = put(to, "{\"log\":\"", 8);
	while (from < end) {
		uint64_t eight;
		while (end - from >= 8 && (memcpy(&eight, from, 8), all_plain(eight))) {
			to = put(to, (const char *)&eight, 8);
			from += 8;
		}
		for (int i = 0; i < 8 && from < end; i++) {
			if (plain[*from])
				*to++ = (char)*from++;
			else
				to = escape(to, &from, end);
		}
	}
	if (whole)
		to = put(to, "\\n", 2);
	to = put(to, "\",\"stream\":\"", 12);
	to = put(to, stream, 6);
	to = put(to, "\",\"time\":\"", 10);
	to = put(to, log->time, log->time_length);
	return put(to, "\"}\n", 3);
}

static char *cri_line(char *to, const struct log *log, const char *stream, const char *bytes, size_t length, bool whole) {
	to = put(to, log->time, log->time_length);
	*to++ = ' ';
	to = put(to, stream, 6);
	to = put(to, whole ? " F " : " P ", 3);
	to = put(to, bytes, length);
	*to++ = '\n';
	return to;
}

static void add_line(struct log *log, const char *stream, const char *bytes, size_t length, bool whole) {
	if (log->max_size > 0 && log->size + log->filled >= log->max_size)
		rotate(log);
	if (OUT_BYTES - log->filled < LINE_ROOM)
		log_flush(log);
	char *to = log->out + log->filled;
	char *end = log->kind == LOG_JSON ? json_line(to, log, stream, bytes, length, whole)
	                                  : cri_line(to, log, stream, bytes, length, whole);
	log->filled += (size_t)(end - to);
}

/* Logs the whole lines of a chunk, and pieces of 16 KiB of lines that are longer, as Docker splits them. Returns how
 * many bytes are left at the end as the start of a line; at the end of the stream none are. */
size_t log_lines(struct log *log, const char *stream, char *bytes, size_t length, bool ended) {
	char *at = bytes, *end = bytes + length;
	if (log->kind == LOG_NONE)
		return 0;
	stamp(log);
	while (at < end) {
		size_t room = (size_t)(end - at) < LOG_LINE_BYTES ? (size_t)(end - at) : LOG_LINE_BYTES;
		char *newline = memchr(at, '\n', room);
		if (newline == NULL && room < LOG_LINE_BYTES && !ended)
			break;
		size_t line = newline == NULL ? room : (size_t)(newline - at);
		add_line(log, stream, at, line, newline != NULL);
		at += newline == NULL ? line : line + 1;
	}
	log_flush(log);
	memmove(bytes, at, (size_t)(end - at));
	return (size_t)(end - at);
}

/* Gives the memory of the collected lines back, for as long as nothing is said. */
void log_release(void) { madvise(out, sizeof out, MADV_DONTNEED); }
