/* Feeds mutated plans to the loader and random text to the log, under the sanitizers: fuzz SEED_FILE ROUNDS SEED. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../log.h"
#include "../native.h"

static volatile uint64_t seen;

/* Stands for every verb: reads all that an act could. */
static int touch(const struct act *act) {
	for (int i = 0; act->verb->signature[i] != '\0'; i++) {
		const struct argument *argument = &act->args[i];
		char type = act->verb->signature[i], *text;
		if (strchr("ijo", type) != NULL && argument->number >= REGISTER_COUNT && argument->number != NO_REGISTER)
			abort();
		if (type == 's' && strlen(argument->text) != argument->length)
			abort();
		for (uint32_t at = 0; strchr("sSb", type) != NULL && at < argument->length; at++)
			seen += (uint8_t)argument->text[at];
		struct cursor list = {argument->text, argument->text + argument->length};
		uint64_t count = 0;
		while (type == 'S' && next_text(&list, &text))
			count += strlen(text) < argument->length;
		if (type == 'S' && count != argument->number)
			abort();
	}
	return 0;
}

#define STUB(name, code, half, signature)                    \
	int verb_##name(struct run *run, const struct act *act) \
	{                                                       \
		(void)run;                                          \
		return touch(act);                                  \
	}
VERBS(STUB)

static uint32_t random_state;

static uint32_t next_random(void) {
	random_state ^= random_state << 13;
	random_state ^= random_state >> 17;
	return random_state ^= random_state << 5;
}

static size_t mutate(char *bytes, size_t length, size_t room) {
	static const uint32_t edges[] = {0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffffc, 255, 256};
	for (uint32_t changes = 1 + next_random() % 4; changes > 0; changes--) {
		size_t at = next_random() % length;
		switch (next_random() % 5) {
		case 0:
			bytes[at] = (char)(bytes[at] ^ (1 << next_random() % 8));
			break;
		case 1:
			bytes[at] = (char)next_random();
			break;
		case 2:
			if (at + 4 <= length)
				memcpy(bytes + at, &edges[next_random() % 8], 4);
			break;
		case 3:
			length = at + 1;
			break;
		default: {
			size_t more = next_random() % 64;
			if (length + more > room)
				break;
			memmove(bytes + at + more, bytes + at, length - at);
			length += more;
		}
		}
	}
	/* Mostly with the right length, so that more than the header's check is met. */
	uint32_t total = (uint32_t)length;
	if (length >= 12 && next_random() % 8 != 0)
		memcpy(bytes + 8, &total, 4);
	return length;
}

static bool try_plan(const char *bytes, size_t length) {
	struct plan plan;
	char *copy = malloc(length); /* of exactly this length: one byte too far is seen */
	memcpy(copy, bytes, length);
	bool good = plan_verify(copy, length, &plan) == 0;
	for (uint32_t i = 0; good && i < plan.parent_count + plan.beside_count + plan.child_count; i++) {
		struct act act;
		if (plan_next(&plan.parent, &act) != 0)
			abort();
		act.verb->act(NULL, &act);
	}
	free(copy);
	return good;
}

static void try_log(void) {
	static const char interesting[] = "\n\n\"\\<&\xe2\x80\xa8\xed\xa0\xff\xf4\x8f\xc3\xa9";
	static char bytes[STREAM_BYTES];
	struct shim_spec spec = {.log_kind = LOG_JSON + next_random() % 2, .log_path = "/dev/null"};
	struct log log;
	if (log_open(&log, &spec) != 0)
		abort();
	size_t held = 0;
	for (int chunk = 0; chunk < 3; chunk++) {
		size_t got = next_random() % READ_BYTES;
		bool dense = next_random() % 2;
		for (size_t i = 0; i < got; i++)
			bytes[held + i] = dense ? interesting[next_random() % (sizeof interesting - 1)] : (char)(next_random() % 7 + 'a');
		held = log_lines(&log, "stdout", bytes, held + got, chunk == 2);
		if (held >= LOG_LINE_BYTES)
			abort();
	}
	close(log.fd);
}

int main(int argc, char **argv) {
	static char plain[1 << 16], mutated[1 << 17];
	if (argc != 4)
		return 2;
	FILE *file = fopen(argv[1], "rb");
	size_t length = file == NULL ? 0 : fread(plain, 1, sizeof plain, file);
	if (length == 0)
		return 2;
	fclose(file);
	random_state = (uint32_t)atoi(argv[3]) | 1;
	if (!try_plan(plain, length))
		return 3;
	long good = 0, rounds = atol(argv[2]);
	for (long round = 0; round < rounds; round++) {
		memcpy(mutated, plain, length);
		good += try_plan(mutated, mutate(mutated, length, sizeof mutated));
		if (round % 1000 == 0)
			try_log();
	}
	printf("%ld plans, %ld still good\n", rounds, good);
	return 0;
}
