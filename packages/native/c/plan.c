/* Loads and verifies a plan: after this, every act decodes and every register read was assigned. */
#include "native.h"

#define ROW(name, code, half, signature) {#name, signature, verb_##name, code, half},
static const struct verb rows[] = {VERBS(ROW)};

const struct verb *verb_of(uint16_t code) {
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (rows[i].code == code)
			return &rows[i];
	return NULL;
}

static bool take(struct cursor *from, void *into, size_t size) {
	if ((size_t)(from->end - from->at) < size)
		return false;
	memcpy(into, from->at, size);
	from->at += size;
	return true;
}

static bool take_u32(struct cursor *from, uint64_t *number) {
	uint32_t value;
	if (!take(from, &value, sizeof value))
		return false;
	*number = value;
	return true;
}

static bool take_bytes(struct cursor *from, struct argument *into) {
	if (!take(from, &into->length, sizeof into->length) || (size_t)(from->end - from->at) < into->length)
		return false;
	into->text = from->at;
	from->at += into->length;
	return true;
}

/* A text ends with a NUL of its own and has none before: it can be handed to the kernel as it stands. */
static bool take_text(struct cursor *from, struct argument *into) {
	char end;
	return take_bytes(from, into) && take(from, &end, 1) && end == '\0' &&
	       memchr(into->text, '\0', into->length) == NULL;
}

static bool take_texts(struct cursor *from, struct argument *into) {
	if (!take_u32(from, &into->number))
		return false;
	into->text = from->at;
	for (uint64_t i = 0; i < into->number; i++) {
		struct argument text;
		if (!take_text(from, &text))
			return false;
	}
	into->length = (uint32_t)(from->at - into->text);
	return true;
}

/* The next text of a list that was verified. */
bool next_text(struct cursor *texts, char **text) {
	struct argument next;
	if (texts->at == texts->end || !take_text(texts, &next))
		return false;
	*text = next.text;
	return true;
}

static bool take_argument(struct cursor *from, char type, struct argument *into) {
	switch (type) {
	case 'u':
		return take_u32(from, &into->number);
	case 'U':
		return take(from, &into->number, sizeof into->number);
	case 's':
		return take_text(from, into);
	case 'S':
		return take_texts(from, into);
	case 'b':
		return take_bytes(from, into);
	case 'j':
		return take_u32(from, &into->number) && (into->number < REGISTER_COUNT || into->number == NO_REGISTER);
	default:
		return take_u32(from, &into->number) && into->number < REGISTER_COUNT;
	}
}

/* Decodes one act and moves on to the next. */
int plan_next(struct cursor *plan, struct act *act) {
	uint16_t code, count;
	uint32_t length;
	errno = EBADMSG;
	if (!take(plan, &code, 2) || !take(plan, &count, 2) || !take(plan, &length, 4) ||
	    (size_t)(plan->end - plan->at) < length)
		return -1;
	act->verb = verb_of(code);
	if (act->verb == NULL || strlen(act->verb->signature) != count)
		return -1;
	struct cursor body = {plan->at, plan->at + length};
	for (int i = 0; i < count; i++)
		if (!take_argument(&body, act->verb->signature[i], &act->args[i]))
			return -1;
	if (body.at != body.end)
		return -1;
	plan->at = body.end;
	return 0;
}

static bool registers_hold(const struct act *act, bool assigned[REGISTER_COUNT]) {
	for (int i = 0; act->verb->signature[i] != '\0'; i++) {
		char type = act->verb->signature[i];
		uint64_t number = act->args[i].number;
		if ((type == 'i' || (type == 'j' && number != NO_REGISTER)) && !assigned[number])
			return false;
		if (type != 'o')
			continue;
		if (assigned[number])
			return false;
		assigned[number] = true;
	}
	return true;
}

/* One part: only its half's verbs, registers in order, and `last` exactly once, at its end. */
static bool part_holds(struct cursor *acts, uint32_t count, enum half half, const char *last, bool assigned[REGISTER_COUNT]) {
	for (uint32_t i = 0; i < count; i++) {
		struct act act;
		if (plan_next(acts, &act) != 0 || (act.verb->half & half) == 0 || !registers_hold(&act, assigned))
			return false;
		if ((strcmp(act.verb->name, last) == 0) != (*last != '\0' && i + 1 == count))
			return false;
	}
	return count > 0 || *last == '\0';
}

static bool take_spec(struct cursor *from, struct shim_spec *spec) {
	struct argument task_dir, exit_record, log_path, oom_file, kill_procs;
	if (!take_text(from, &task_dir) || !take_text(from, &exit_record) || !take(from, &spec->log_kind, 4) ||
	    !take_text(from, &log_path) || !take(from, &spec->log_max_size, 8) || !take(from, &spec->log_max_files, 4) ||
	    !take(from, &spec->flags, 4) || !take_text(from, &oom_file) || !take_text(from, &kill_procs))
		return false;
	spec->task_dir = task_dir.text;
	spec->exit_record = exit_record.text;
	spec->log_path = log_path.text;
	spec->oom_file = oom_file.text;
	spec->kill_procs_file = kill_procs.text;
	return spec->log_kind <= LOG_CRI && task_dir.length > 0 && exit_record.length > 0;
}

/* Checks a whole plan before any of it is done. Returns 0, or -1 with EBADMSG. */
int plan_verify(char *bytes, size_t length, struct plan *plan) {
	struct cursor at = {bytes, bytes + length};
	uint32_t magic, version, total;
	bool assigned[REGISTER_COUNT] = {false}, besides[REGISTER_COUNT];
	*plan = (struct plan){.bytes = bytes, .length = length};
	errno = EBADMSG;
	if (!take(&at, &magic, 4) || !take(&at, &version, 4) || !take(&at, &total, 4) || magic != PLAN_MAGIC ||
	    version != PLAN_VERSION || total != length)
		return -1;
	if (!take(&at, &plan->parent_count, 4) || !take(&at, &plan->beside_count, 4) || !take(&at, &plan->child_count, 4) ||
	    !take_spec(&at, &plan->spec))
		return -1;
	plan->parent = at;
	bool holds = part_holds(&at, plan->parent_count, PARENT, "clone", assigned);
	plan->beside = at;
	memcpy(besides, assigned, sizeof besides);
	holds = holds && part_holds(&at, plan->beside_count, PARENT, "", besides);
	plan->child = at;
	holds = holds && part_holds(&at, plan->child_count, CHILD, "exec", assigned) && at.at == at.end;
	errno = EBADMSG;
	return holds ? 0 : -1;
}

static bool read_whole(int fd, char *into, size_t length) {
	for (ssize_t got; length > 0; into += got, length -= (size_t)got)
		if ((got = read(fd, into, length)) <= 0)
			return false;
	return true;
}

/* Reads a plan, from a file or from whoever writes it later, into room of PLAN_MAX_BYTES. Only the shim and its child
 * have that memory: what was verified cannot change under the acts any more. */
int plan_load(int fd, char *room, struct plan *plan) {
	uint32_t head[3];
	if (!read_whole(fd, room, sizeof head))
		return refuse(EBADMSG);
	memcpy(head, room, sizeof head);
	if (head[2] < sizeof head || head[2] > PLAN_MAX_BYTES || !read_whole(fd, room + sizeof head, head[2] - sizeof head))
		return refuse(EBADMSG);
	return plan_verify(room, head[2], plan);
}
