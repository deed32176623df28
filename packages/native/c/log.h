#ifndef GANTRY_LOG_H
#define GANTRY_LOG_H


#include "native.h"

enum { LOG_LINE_BYTES = 16384, READ_BYTES = 65536, STREAM_BYTES = LOG_LINE_BYTES + READ_BYTES };

struct log {
	uint32_t kind, max_files;
	uint64_t max_size, size; /* bytes; size of the file up to its last whole line */
	const char *path;
	char *out;               /* lines that are not written yet */
	size_t filled;
	int fd;
	char time[40];           /* of the chunk at hand */
	size_t time_length;
};

int log_open(struct log *log, const struct shim_spec *spec);
size_t log_lines(struct log *log, const char *stream, char *bytes, size_t length, bool ended);
void log_flush(struct log *log);
void log_release(void);

#endif
