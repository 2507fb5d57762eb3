/* import_fixture.h — directory files into a directory's database, and what became of them.
 *
 * Lines are written with ' for " and @ for the organization's number, so that they can be read. */
#ifndef ROSTER_TESTS_IMPORT_FIXTURE_H
#define ROSTER_TESTS_IMPORT_FIXTURE_H

#include "directory_fixture.h"

#include <stdio.h>

struct outcome {
    enum err e;
    struct import_counts counts;
    int64_t reported, line; /* of the first bad line */
    char text[512], last_text[512];
};

static inline void report(void *context, int64_t line, const char *text)
{
    struct outcome *outcome = context;
    snprintf(outcome->last_text, sizeof outcome->last_text, "%s", text);
    if (outcome->reported++) return;
    outcome->line = line;
    snprintf(outcome->text, sizeof outcome->text, "%s", text);
}

/* `now`: the time of the import */
static inline struct outcome import_bytes_at(struct world *w, int64_t now, char *bytes, size_t size, bool dry_run,
                                             bool keep_going)
{
    struct outcome outcome = { 0 };
    AUTO_OP op = op_begin();
    op.caller.system = true;
    op.now = now;
    FILE *file = fmemopen(bytes, size, "r");
    assert_non_null(file);
    struct import_options options = { .dry_run = dry_run, .keep_going = keep_going, .report = report, .context = &outcome };
    outcome.e = directory_import(&op, w->other, file, &options, &outcome.counts);
    fclose(file);
    return outcome;
}

static inline struct outcome import_bytes(struct world *w, char *bytes, size_t size, bool dry_run, bool keep_going)
{
    return import_bytes_at(w, clock_now(), bytes, size, dry_run, keep_going);
}

static inline struct outcome import_lines_at(struct world *w, int64_t now, const char *lines, bool dry_run, bool keep_going)
{
    char number[24], *bytes = malloc(strlen(lines) * 8 + 1), *to = bytes;
    snprintf(number, sizeof number, "%lld", (long long)w->organization_id);
    for (const char *from = lines; *from; from++) {
        if (*from == '\'') *to++ = '"';
        else if (*from == '@') to += sprintf(to, "%s", number);
        else *to++ = *from;
    }
    struct outcome outcome = import_bytes_at(w, now, bytes, (size_t)(to - bytes), dry_run, keep_going);
    free(bytes);
    return outcome;
}

static inline struct outcome import_lines(struct world *w, const char *lines, bool dry_run, bool keep_going)
{
    return import_lines_at(w, clock_now(), lines, dry_run, keep_going);
}

/* Imports lines that must be good, and lets the directory hear of it. */
static inline struct outcome import(struct world *w, const char *lines)
{
    struct outcome outcome = import_lines(w, lines, false, false);
    if (outcome.reported) print_error("line %lld: %s\n", (long long)outcome.line, outcome.text);
    assert_int_equal(outcome.e, ERR_OK);
    refresh(w, INSTALLATION);
    (void)!hear_of(w, w->organization_id);
    return outcome;
}

static inline void assert_bad(struct outcome outcome, int64_t line, const char *part)
{
    assert_int_equal(outcome.e, ERR_INVALID);
    assert_int_equal(outcome.line, line);
    if (!strstr(outcome.text, part)) fail_msg("\"%s\" does not name %s", outcome.text, part);
    assert_true(outcome.counts.bad >= 1);
}

static inline union object get_stored(struct world *w, enum noun noun, int64_t id, int64_t second_id)
{
    return stored(w->f, noun, w->organization_id, id, second_id);
}

static inline const char *group_name(struct world *w, int64_t id)
{
    union object group = get_stored(w, NOUN_GROUP, id, 0);
    return group.any && !group.group->deleted_at ? group.group->name : NULL;
}

static inline int64_t sum(const int64_t counts[NOUN_COUNT])
{
    int64_t total = 0;
    for (int noun = 0; noun < NOUN_COUNT; noun++) total += counts[noun];
    return total;
}

static inline enum err authenticate(struct world *w, const char *header, unsigned forms)
{
    AUTO_OP op = op_begin();
    return credentials_authenticate(&op, directory_credentials(w->directory), header, forms);
}

/* One of everything, in the organization of the test. */
#define EVERYTHING                                                                                                               \
    "{'type':'organization','id':@,'name':'Test'}\n"                                                                             \
    "{'type':'account','id':70,'firstName':'Ada'}\n"                                                                             \
    "{'type':'user','organizationId':@,'id':100,'userName':'ada','accountId':70,'dateCreated':'2026-01-01T00:00:00Z'}\n"         \
    "{'type':'user','organizationId':@,'id':101,'userName':'bob','dateCreated':'2026-01-01T00:00:00Z'}\n"                        \
    "{'type':'group','organizationId':@,'id':200,'name':'Parents','languages':[{'languageId':4,'readOnly':true}]}\n"             \
    "{'type':'group','organizationId':@,'id':201,'name':'Children'}\n"                                                           \
    "{'type':'membership','organizationId':@,'groupId':200,'userId':100,'manager':true}\n"                                       \
    "{'type':'membership','organizationId':@,'groupId':201,'userId':101,'endsAt':'2099-01-01T00:00:00Z'}\n"                      \
    "{'type':'nesting','organizationId':@,'groupId':200,'childGroupId':201}\n"                                                   \
    "{'type':'credential','organizationId':@,'kind':'bearer','secret':'s3cret','rights':['read'],'userId':100}\n"

#endif
