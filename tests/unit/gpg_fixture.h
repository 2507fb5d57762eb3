/* gpg_fixture.h — GnuPG in a home of its own, to look at what is ours with the eyes of somebody else. */
#ifndef ROSTER_TESTS_GPG_FIXTURE_H
#define ROSTER_TESTS_GPG_FIXTURE_H

#include "openpgp_fixture.h"

static char home[64];

/* Runs a command line in a shell with GNUPGHOME set and returns whether it ended well; its output goes to the file home/out. */
__attribute__((format(printf, 1, 2))) static inline bool run(const char *format, ...)
{
    char command[4096], line[4400];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(command, sizeof command, format, arguments);
    va_end(arguments);
    assert_true(size > 0 && (size_t)size < sizeof command);
    snprintf(line, sizeof line, "GNUPGHOME=%s; export GNUPGHOME; { %s ; } >%s/out 2>%s/err </dev/null", home, command, home,
             home);
    return system(line) == 0;
}

#define GPG "gpg --batch --no-tty --pinentry-mode loopback --passphrase '' --trust-model always "

static inline char *output_of(struct arena *arena, const char *name)
{
    char *text = file_text(arena_printf(arena, "%s/%s", home, name));
    char *copy = arena_strdup(arena, text);
    free(text);
    return copy;
}

static inline void assert_run(bool ran)
{
    if (ran) return;
    AUTO_OP op = op_begin();
    fail_msg("gpg failed: %s", output_of(&op.arena, "err"));
}

static inline void write_file(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", home, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

static inline void make_gpg_home(void)
{
    strcpy(home, "/tmp/roster-gpg-XXXXXX"); /* short: it has sockets */
    assert_non_null(mkdtemp(home));
}

/* For a teardown: 0 if all went well. */
static inline int remove_gpg_home(void)
{
    run("gpgconf --kill all");
    char command[160];
    snprintf(command, sizeof command, "rm -rf %s", home);
    return system(command) == 0 ? 0 : 1;
}

#endif
