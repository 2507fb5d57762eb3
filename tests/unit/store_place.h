/* store_place.h — where a test's store is: a file of SQLite, or with ROSTER_TEST_ENGINE=postgres a database of PostgreSQL.
 *
 * PostgreSQL's databases are in the cluster that ROSTER_TEST_POSTGRES names; if nobody names one, the test program starts one
 * for itself, which ends with it (tests/support/postgres). Tests run in the root of the repository. */
#ifndef ROSTER_TESTS_STORE_PLACE_H
#define ROSTER_TESTS_STORE_PLACE_H

#include "unit.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum place_engine { PLACE_SQLITE, PLACE_POSTGRES };

struct store_place {
    enum place_engine engine;
    char directory[64]; /* the test's own, for any file; its end is that of the place */
    char path[128];     /* of SQLite's file, inside the directory */
    char url[256];      /* for store_open: nothing is there yet */
};

/* What ROSTER_TEST_ENGINE says. */
static inline enum place_engine place_engine(void)
{
    const char *name = getenv("ROSTER_TEST_ENGINE");
    if (!name || !*name || strcmp(name, "sqlite") == 0) return PLACE_SQLITE;
    if (strcmp(name, "postgres") != 0) fail_msg("ROSTER_TEST_ENGINE: there is no engine %s", name);
    return PLACE_POSTGRES;
}

/* The first line of what a program says, which must succeed; its errors are on standard error. */
static inline void place_run(const char *command, char *ret_line, size_t size)
{
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    char rest[256];
    ret_line[0] = 0;
    if (fgets(ret_line, (int)size, pipe)) ret_line[strcspn(ret_line, "\n")] = 0;
    while (fgets(rest, sizeof rest, pipe)) continue;
    if (pclose(pipe) != 0) fail_msg("this failed: %s", command);
}

/* Databases that earlier tests of this program are done with. They go with the cluster. */
static struct {
    char urls[8][256];
    int free;
} place_databases;

/* The URL of the cluster. */
static inline const char *place_cluster(void)
{
    if (!getenv("ROSTER_TEST_POSTGRES")) {
        char command[128], url[256];
        snprintf(command, sizeof command, "tests/support/postgres start /tmp/roster-pg-unit-%d --owner %d", (int)getpid(),
                 (int)getpid());
        place_run(command, url, sizeof url);
        setenv("ROSTER_TEST_POSTGRES", url, 1);
    }
    return getenv("ROSTER_TEST_POSTGRES");
}

static inline void place_make(struct store_place *place, enum place_engine engine)
{
    *place = (struct store_place){ .engine = engine };
    snprintf(place->directory, sizeof place->directory, "/tmp/roster-test-XXXXXX");
    assert_non_null(mkdtemp(place->directory));
    snprintf(place->path, sizeof place->path, "%s/test.db", place->directory);
    if (engine == PLACE_SQLITE) {
        snprintf(place->url, sizeof place->url, "sqlite:%s", place->path);
    } else if (place_databases.free > 0) {
        memcpy(place->url, place_databases.urls[--place_databases.free], sizeof place->url);
    } else {
        char command[512];
        struct timespec now; /* a process number comes again while the cluster is there */
        clock_gettime(CLOCK_REALTIME, &now);
        snprintf(command, sizeof command, "tests/support/postgres database '%s' unit_%d_%lld_%ld", place_cluster(), (int)getpid(),
                 (long long)now.tv_sec, now.tv_nsec);
        place_run(command, place->url, sizeof place->url);
    }
}

/* With all that is there. The store must be closed. */
static inline void place_remove(const struct store_place *place)
{
    char command[512], nothing[8];
    snprintf(command, sizeof command, "rm -rf '%s'", place->directory);
    place_run(command, nothing, sizeof nothing);
    if (place->engine == PLACE_SQLITE) return;
    bool keep = place_databases.free < (int)(sizeof place_databases.urls / sizeof *place_databases.urls);
    snprintf(command, sizeof command, "tests/support/postgres %s '%s'", keep ? "clear" : "drop", place->url);
    place_run(command, nothing, sizeof nothing);
    if (keep) memcpy(place_databases.urls[place_databases.free++], place->url, sizeof place->url);
}

/* The number that a statement gives, behind the store's back: it waits for its turn to write, as everybody does. The statement
 * has no double quotes. */
static inline int64_t place_number(const struct store_place *place, const char *sql)
{
    char command[1024], line[64];
    if (place->engine == PLACE_SQLITE)
        snprintf(command, sizeof command, "sqlite3 -cmd '.timeout 30000' '%s' \"%s\"", place->path, sql);
    else snprintf(command, sizeof command, "psql -XqAt -v ON_ERROR_STOP=1 '%s' -c \"%s\"", place->url, sql);
    place_run(command, line, sizeof line);
    return atoll(line);
}

#endif
