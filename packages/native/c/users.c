/* USER and group names, looked up in the container's own files by Docker's rules. */

#include "native.h"

/* No user data base is that long; a longer one is an attack (CVE-2026-47262). */
#define MAX_DATABASE (4u << 20)

static char database[MAX_DATABASE + 1];

/* Reads a whole file below "/". A missing one is empty. */
static int read_database(struct run *run, const char *path) {
	int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = root < 0 ? -1 : open_in(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	size_t length = 0;
	database[0] = '\0';
	close(root);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? 0 : fail(run, path);
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return fail_with(run, path, EINVAL);
	}
	for (ssize_t got = 1; got > 0; length += got > 0 ? (size_t)got : 0)
		got = read(fd, database + length, MAX_DATABASE - length);
	close(fd);
	database[length] = '\0';
	return length == MAX_DATABASE ? fail_with(run, path, EFBIG) : 0;
}

/* Splits the next line into fields in place; missing ones are empty. False at the end. */
static bool next_line(char **at, char **fields, int count) {
	static char empty[] = "";
	if (**at == '\0')
		return false;
	char *line = *at, *end = strchr(line, '\n');
	*at = end == NULL ? line + strlen(line) : end + 1;
	if (end != NULL)
		*end = '\0';
	for (int i = 0; i < count; i++) {
		fields[i] = line == NULL ? empty : line;
		char *colon = line == NULL ? NULL : strchr(line, ':');
		if (colon != NULL)
			*colon = '\0';
		line = colon == NULL ? NULL : colon + 1;
	}
	return true;
}

enum number { NOT_A_NUMBER, IN_RANGE, OUT_OF_RANGE };

/* Decimal digits alone are a number, however large: "4294967296" is no name and does not wrap (CVE-2024-40635). */
static enum number parse_id(const char *text, uint32_t *id) {
	uint64_t value = 0;
	if (*text == '\0')
		return NOT_A_NUMBER;
	for (const char *digit = text; *digit != '\0'; digit++) {
		if (*digit < '0' || *digit > '9')
			return NOT_A_NUMBER;
		if (value <= INT32_MAX)
			value = value * 10 + (uint64_t)(*digit - '0');
	}
	*id = (uint32_t)value;
	return value > INT32_MAX ? OUT_OF_RANGE : IN_RANGE;
}

struct person {
	uint32_t uid, gid;
	char name[256];
};

static void keep_home(struct run *run, const char *home) {
	snprintf(run->home, sizeof run->home, "%s", home[0] == '\0' ? "/" : home);
}

/* The first line that fits: by number when the text is one, never by a name that looks like one (CVE-2016-3697). */
static bool find_person(struct run *run, const char *user, enum number kind, struct person *person) {
	char *at = database, *fields[6];
	uint32_t uid, gid, wanted = person->uid;
	while (next_line(&at, fields, 6)) {
		if (parse_id(fields[2], &uid) != IN_RANGE || parse_id(fields[3], &gid) != IN_RANGE)
			continue;
		if (kind == IN_RANGE ? uid != wanted : strcmp(fields[0], user) != 0)
			continue;
		person->uid = uid;
		person->gid = gid;
		snprintf(person->name, sizeof person->name, "%s", fields[0]);
		keep_home(run, fields[5]);
		return true;
	}
	return false;
}

static bool is_member(char *members, const char *name) {
	size_t length = strlen(name);
	for (char *at = members; at != NULL && length > 0; at = strchr(at, ',')) {
		at += *at == ',';
		if (strncmp(at, name, length) == 0 && (at[length] == ',' || at[length] == '\0'))
			return true;
	}
	return false;
}

static int add_group(struct run *run, uint32_t *list, int count, uint32_t gid) {
	for (int i = 0; i < count; i++)
		if (list[i] == gid)
			return count;
	if (count == MAX_GROUPS)
		return fail_with(run, "group", E2BIG);
	list[count] = gid;
	return count + 1;
}

/* A group by number or name. A number needs no line; a name does. */
static int find_group(struct run *run, const char *group, uint32_t *gid) {
	char *at = database, *fields[4];
	uint32_t found;
	enum number kind = parse_id(group, gid);
	if (kind == OUT_OF_RANGE)
		return fail_with(run, "group range", ERANGE);
	if (kind == IN_RANGE)
		return 0;
	while (next_line(&at, fields, 4)) {
		if (strcmp(fields[0], group) != 0 || parse_id(fields[2], &found) != IN_RANGE)
			continue;
		*gid = found;
		return 0;
	}
	return fail_with(run, "group", ENOENT);
}

static int groups_of(struct run *run, const struct person *person, uint32_t *list, int count) {
	char *at = database, *fields[4];
	uint32_t gid;
	while (count >= 0 && next_line(&at, fields, 4))
		if (parse_id(fields[2], &gid) == IN_RANGE && is_member(fields[3], person->name))
			count = add_group(run, list, count, gid);
	return count;
}

static int look_up_person(struct run *run, const char *user, struct person *person) {
	enum number kind = *user == '\0' ? IN_RANGE : parse_id(user, &person->uid);
	keep_home(run, "/");
	if (kind == OUT_OF_RANGE)
		return fail_with(run, "user range", ERANGE);
	if (read_database(run, "etc/passwd") != 0)
		return -1;
	if (find_person(run, user, kind, person) || kind == IN_RANGE)
		return 0;
	return fail_with(run, "user", ENOENT);
}

/* "user", "uid", "user:group", … and added groups. Fills list with the supplementary groups, the primary one first
 * (CVE-2022-36109). Returns their count, or -1. */
int lookup_user(struct run *run, const char *spec, struct cursor groups, uint32_t *uid, uint32_t *gid, uint32_t *list) {
	struct person person = {0};
	char user[256], *name;
	const char *colon = strchr(spec, ':');
	size_t length = colon == NULL ? strlen(spec) : (size_t)(colon - spec);
	bool has_group = colon != NULL && colon[1] != '\0';
	if (length >= sizeof user)
		return fail_with(run, "user", ENAMETOOLONG);
	memcpy(user, spec, length);
	user[length] = '\0';
	if (look_up_person(run, user, &person) != 0)
		return -1;
	/* The file is split in place by every pass over it, so it is read again for the next one. */
	if (has_group && (read_database(run, "etc/group") != 0 || find_group(run, colon + 1, &person.gid) != 0))
		return -1;
	int count = add_group(run, list, 0, person.gid);
	if (!has_group && person.name[0] != '\0') {
		if (read_database(run, "etc/group") != 0)
			return -1;
		count = groups_of(run, &person, list, count);
	}
	while (count >= 0 && next_text(&groups, &name)) {
		uint32_t added;
		if (read_database(run, "etc/group") != 0 || find_group(run, name, &added) != 0)
			return -1;
		count = add_group(run, list, count, added);
	}
	*uid = person.uid;
	*gid = person.gid;
	return count;
}

/* HOME of a numeric user; "/" when the container has no line for it. */
void lookup_home(struct run *run, uint32_t uid) {
	struct person person = {.uid = uid};
	keep_home(run, "/");
	if (read_database(run, "etc/passwd") == 0)
		find_person(run, "", IN_RANGE, &person);
}
