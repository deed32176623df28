/* Connections: frames in and out, attached streams, and bounded queues for those who read slowly. */
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <termios.h>

#include "shim.h"

enum { TO_STDIN = 1, TO_STDOUT = 2, TO_STDERR = 4 };

static void queue_clear(struct queue *queue) {
	free(queue->bytes);
	*queue = (struct queue){0};
}

/* Keeps bytes for later. False when there is no memory or too much waits already. */
static bool queue_add(struct queue *queue, const char *bytes, size_t length) {
	if (length == 0)
		return true;
	if (queue->length + length > MAX_QUEUE_BYTES)
		return false;
	char *grown = malloc(queue->length + length);
	if (grown == NULL)
		return false;
	if (queue->length > 0)
		memcpy(grown, queue->bytes + queue->start, queue->length);
	memcpy(grown + queue->length, bytes, length);
	free(queue->bytes);
	*queue = (struct queue){grown, 0, queue->length + length};
	return true;
}

static void queue_drop(struct queue *queue, size_t length) {
	queue->start += length;
	queue->length -= length;
	if (queue->length == 0)
		queue_clear(queue);
}

void connection_add(struct shim *shim, int fd, enum connection_kind kind) {
	if (shim->connection_count == MAX_CONNECTIONS) {
		close(fd);
		return;
	}
	shim->connections[shim->connection_count++] = (struct connection){.fd = fd, .kind = (uint8_t)kind};
}

static void drop(struct connection *connection) {
	close(connection->fd);
	connection->fd = -1;
	queue_clear(&connection->out);
	queue_clear(&connection->input);
}

/* Closes without a reset: an end of file is what the client shall see, also when it sent more than was read. */
void connection_close(struct connection *connection) {
	char rest[512];
	shutdown(connection->fd, SHUT_RDWR);
	while (recv(connection->fd, rest, sizeof rest, MSG_DONTWAIT) > 0)
		continue;
	drop(connection);
}

/* Takes the closed connections out of the list; only between two rounds of events. */
void connections_sweep(struct shim *shim) {
	int kept = 0;
	for (int i = 0; i < shim->connection_count; i++)
		if (shim->connections[i].fd >= 0)
			shim->connections[kept++] = shim->connections[i];
	shim->connection_count = kept;
}

/* Sends what fits now and queues the rest. A reader that is gone is dropped. */
static void send_bytes(struct connection *connection, struct iovec *parts, int count) {
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = (size_t)count};
	ssize_t sent = 0;
	if (connection->out.length == 0)
		sent = sendmsg(connection->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent < 0 && errno != EAGAIN && errno != EINTR) {
		drop(connection);
		return;
	}
	size_t skip = sent < 0 ? 0 : (size_t)sent;
	for (int i = 0; i < count; i++) {
		size_t gone = skip < parts[i].iov_len ? skip : parts[i].iov_len;
		skip -= gone;
		if (!queue_add(&connection->out, (const char *)parts[i].iov_base + gone, parts[i].iov_len - gone)) {
			drop(connection);
			return;
		}
	}
}

void send_frame(struct connection *connection, uint8_t type, const char *payload, size_t length) {
	uint8_t header[8] = {type, 0, 0, 0, (uint8_t)(length >> 24), (uint8_t)(length >> 16), (uint8_t)(length >> 8),
	                     (uint8_t)length};
	struct iovec parts[] = {{header, sizeof header}, {(void *)(uintptr_t)payload, length}};
	send_bytes(connection, parts, length == 0 ? 1 : 2);
}

void tell_controls(struct shim *shim, uint8_t type, const char *json) {
	for (int i = 0; i < shim->connection_count; i++)
		if (shim->connections[i].fd >= 0 && shim->connections[i].kind == CONTROL)
			send_frame(&shim->connections[i], type, json, strlen(json));
}

static void send_error(struct connection *connection, uint8_t request, int error) {
	char text[64];
	int length = snprintf(text, sizeof text, "{\"request\":%u,\"errno\":%d}", request, error);
	send_frame(connection, FRAME_ERROR, text, (size_t)length);
}

void broadcast(struct shim *shim, const struct stream *stream, const char *bytes, size_t length) {
	for (int i = 0; i < shim->connection_count; i++) {
		struct connection *connection = &shim->connections[i];
		if (connection->fd < 0 || connection->kind != ATTACHED || (connection->streams & stream->bit) == 0)
			continue;
		struct iovec raw = {(void *)(uintptr_t)bytes, length};
		if (is_terminal(shim))
			send_bytes(connection, &raw, 1);
		else
			send_frame(connection, stream->frame, bytes, length);
	}
}

/* True while an attached reader has not taken the last chunk: the streams wait for it. */
bool output_blocked(const struct shim *shim) {
	for (int i = 0; i < shim->connection_count; i++)
		if (shim->connections[i].kind == ATTACHED && shim->connections[i].out.length > 0)
			return true;
	return false;
}

/* After the record: ends each control connection once its last frame is out, which says that the traces are gone. True
 * when no lagging reader has anything to get any more either. */
bool all_told(struct shim *shim) {
	bool told = true;
	for (int i = 0; i < shim->connection_count; i++) {
		struct connection *connection = &shim->connections[i];
		told &= connection->out.length == 0;
		if (connection->fd >= 0 && connection->kind == CONTROL && connection->out.length == 0)
			connection_close(connection);
	}
	return told;
}

static void finish(struct connection *connection) {
	connection->closing = true;
	if (connection->out.length == 0)
		shutdown(connection->fd, SHUT_WR);
}

/* After the last byte of output. */
void finish_attached(struct shim *shim) {
	for (int i = 0; i < shim->connection_count; i++)
		if (shim->connections[i].fd >= 0 && shim->connections[i].kind == ATTACHED)
			finish(&shim->connections[i]);
}

void close_input(struct shim *shim) {
	if (is_terminal(shim)) /* one descriptor for both directions: it is closed with the output */
		return;
	if (shim->input >= 0)
		close(shim->input);
	shim->input = -1;
}

/* Gives held input to the process, as much as it takes. */
void flush_input(struct shim *shim) {
	bool waiting = false;
	for (int i = 0; i < shim->connection_count; i++) {
		struct queue *queue = &shim->connections[i].input;
		while (queue->length > 0 && shim->input >= 0) {
			ssize_t written = write(shim->input, queue->bytes + queue->start, queue->length);
			if (written < 0 && (errno == EAGAIN || errno == EINTR))
				break;
			if (written < 0)
				close_input(shim); /* EPIPE: nobody reads it any more */
			queue_drop(queue, written < 0 ? queue->length : (size_t)written);
		}
		if (shim->input < 0)
			queue_clear(queue);
		waiting |= queue->length > 0;
	}
	if (shim->input_closing && !waiting)
		close_input(shim);
}

/* Closes stdin once what was sent before has been taken. A terminal's stays open, as Docker keeps it. */
static void end_input(struct shim *shim) {
	shim->input_closing = !is_terminal(shim);
	flush_input(shim);
}

static void input_ended(struct shim *shim, struct connection *connection) {
	connection->input_ended = true;
	if ((connection->streams & TO_STDIN) != 0 && (shim->plan.spec.flags & SHIM_STDIN_ONCE) != 0)
		end_input(shim);
}

/* Raw bytes of an attached client. Nothing more is read from it while the process has not taken the last ones. */
static void read_input(struct shim *shim, struct connection *connection) {
	static char bytes[HELD_INPUT_BYTES];
	ssize_t length = recv(connection->fd, bytes, sizeof bytes, MSG_DONTWAIT);
	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (length > 0) {
		shim->buffers_used = true;
		bool wanted = (connection->streams & TO_STDIN) != 0 && shim->input >= 0 && !shim->input_closing;
		if (wanted && !queue_add(&connection->input, bytes, (size_t)length))
			drop(connection);
		flush_input(shim);
		return;
	}
	input_ended(shim, connection);
	if (length < 0)
		drop(connection);
}

static void on_resize(struct shim *shim, struct connection *connection, const uint8_t *payload) {
	struct winsize size = {.ws_row = (unsigned short)(payload[0] | payload[1] << 8),
	                       .ws_col = (unsigned short)(payload[2] | payload[3] << 8)};
	if (!is_terminal(shim) || shim->input < 0)
		send_error(connection, FRAME_RESIZE, is_terminal(shim) ? ESRCH : ENOTTY);
	else if (ioctl(shim->input, TIOCSWINSZ, &size) != 0)
		send_error(connection, FRAME_RESIZE, errno);
}

static uint32_t number_at(const uint8_t *bytes) {
	uint32_t number;
	memcpy(&number, bytes, sizeof number);
	return number;
}

static void on_frame(struct shim *shim, struct connection *connection, uint8_t type, const uint8_t *payload) {
	switch (type) {
	case FRAME_START:
		shim_event(shim, START_ASKED);
		return;
	case FRAME_SIGNAL:
		if (signal_task(shim, (int)number_at(payload), number_at(payload + 4) != 0) != 0)
			send_error(connection, FRAME_SIGNAL, errno);
		return;
	case FRAME_RESIZE:
		on_resize(shim, connection, payload);
		return;
	case FRAME_CONTROL:
		connection->kind = CONTROL;
		send_status(shim, connection);
		return;
	case FRAME_ATTACH:
		connection->kind = ATTACHED;
		connection->streams = (uint8_t)number_at(payload);
		if (shim->state >= RUNNING && streams_ended(shim))
			finish(connection);
		return;
	}
}

/* How long the payload of a request is; -1: no such request of this kind of connection. */
static int payload_length(const struct connection *connection, uint8_t type) {
	if (connection->kind == NEW)
		return type == FRAME_ATTACH ? 4 : type == FRAME_CONTROL ? 0 : -1;
	return type == FRAME_SIGNAL ? 8 : type == FRAME_RESIZE ? 4 : type == FRAME_START ? 0 : -1;
}

/* Reads exactly one frame at a time, never a byte after it: those after `attach` are the process's. */
static void read_frames(struct shim *shim, struct connection *connection) {
	while (connection->fd >= 0 && connection->kind != ATTACHED) {
		uint8_t *header = connection->header;
		int payload = connection->header_length < 8 ? 0 : payload_length(connection, header[0]);
		size_t wanted = 8 + (size_t)payload - connection->header_length;
		ssize_t got = wanted == 0 ? 0 : recv(connection->fd, header + connection->header_length, wanted, MSG_DONTWAIT);
		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (wanted != 0 && got <= 0) {
			drop(connection);
			return;
		}
		connection->header_length = (uint8_t)(connection->header_length + got);
		if (connection->header_length < 8)
			continue;
		payload = payload_length(connection, header[0]);
		if (payload < 0 || header[4] != 0 || header[5] != 0 || header[6] != 0 || header[7] != payload) {
			connection_close(connection);
			return;
		}
		if (connection->header_length < 8 + payload)
			continue;
		connection->header_length = 0;
		on_frame(shim, connection, header[0], header + 8);
	}
}

static void flush_output(struct connection *connection) {
	struct queue *queue = &connection->out;
	ssize_t sent = send(connection->fd, queue->bytes + queue->start, queue->length, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (sent < 0) {
		drop(connection);
		return;
	}
	queue_drop(queue, (size_t)sent);
	if (connection->closing && queue->length == 0)
		shutdown(connection->fd, SHUT_WR);
}

/* What to poll for; -1 for nothing, not even a hang-up: input that the process has not taken outlives its sender. */
int connection_wants(const struct connection *connection) {
	if (connection->kind != ATTACHED)
		return POLLIN | (connection->out.length > 0 ? POLLOUT : 0);
	if (connection->out.length > 0)
		return POLLOUT;
	if (connection->input.length > 0)
		return -1;
	return connection->input_ended ? 0 : POLLIN;
}

void connection_event(struct shim *shim, struct connection *connection, short events) {
	if (events & POLLOUT && connection->out.length > 0)
		flush_output(connection);
	if (connection->fd >= 0 && events & (POLLIN | POLLHUP | POLLERR) && connection->kind != ATTACHED)
		read_frames(shim, connection);
	if (connection->fd < 0 || connection->kind != ATTACHED)
		return;
	if (events & POLLIN && connection->input.length == 0)
		read_input(shim, connection);
	/* Both directions are shut: what it sent before was read above, what waits for it has no reader. */
	if (connection->fd >= 0 && events & (POLLHUP | POLLERR) && !(events & POLLIN)) {
		if (!connection->input_ended)
			input_ended(shim, connection);
		drop(connection);
	}
}
