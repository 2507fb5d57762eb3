/* import_line.h — one line of a directory file under way: what import_line.c and the files of the nouns share; nobody else
 * includes it.
 *
 * Errors are the line's own mistake (ERR_INVALID, ERR_NOT_FOUND, ERR_EXISTS, with the member as field) or the store's. */
#ifndef ROSTER_DIRECTORY_IMPORT_LINE_H
#define ROSTER_DIRECTORY_IMPORT_LINE_H

#include "directory/importer_parts.h"

struct line {
    struct importer *importer;
    struct op *op; /* the batch's */
    enum noun noun;
    union object values; /* as the line gives them, defaults where it says nothing */
    field_set present;
    bool deletes;
    int64_t organization_id;
    struct ledger_organization *organization; /* NULL for organizations and accounts */
};

#define LL(number) ((long long)(number))

/* Reads the text; what `line` has besides importer and op is filled, except organization. */
MUST_USE enum err line_read(struct line *line, const char *text, size_t size);

/* The object that the line is about as a hash; 0 for a credential. */
uint64_t line_object(const struct line *line);

/* Can the line be in the batch together with the one whose turn it is? */
bool line_stays_in_batch(const struct line *line);

/* --- what a line of each noun means: its changes are added to the batch and counted --- */

MUST_USE enum err import_organization(struct line *line);
MUST_USE enum err import_account(struct line *line);
MUST_USE enum err import_user(struct line *line);
MUST_USE enum err import_group(struct line *line);
MUST_USE enum err import_membership(struct line *line);
MUST_USE enum err import_nesting(struct line *line);
MUST_USE enum err import_credential(struct line *line);

/* Is the line about a credential that the batch may make? Then it has to wait for its number. */
bool import_credential_waits(struct line *line);

/* --- what exists --- */

/* The organization, looked up in the database when the file mentions it first. */
MUST_USE enum err line_get_organization(struct importer *importer, struct op *op, int64_t id,
                                        struct ledger_organization **ret_organization);

/* The object as the database has it, in the op's arena. What the file made in an organization of its own cannot be there unless a
 * batch was committed; then only careful lines look. */
MUST_USE enum err line_find_stored(struct line *line, enum noun noun, int64_t id, int64_t second_id, bool *ret_found,
                                   union object *ret_object);

/* The account as the database has it; while checking not one that the file deletes, also if it makes it again. */
MUST_USE enum err line_find_account(struct line *line, int64_t id, bool *ret_found, union object *ret_object);

/* Does a living user or group exist in the line's organization? ERR_NOT_FOUND with `field` if not. */
MUST_USE enum err line_check_exists(struct line *line, enum noun noun, int64_t id, const char *field);

/* While checking: nothing new may have a number or uuid that something else has, in the database or in the file before. While
 * writing the database itself says so. */
MUST_USE enum err line_check_new(struct line *line, int64_t id, const struct uuid *uuid);

/* For when an organization's line makes names of groups unique: ERR_INVALID if two living groups have one name, as the lines
 * before left them; else the ledger knows then who has which. While writing, all that the lines before did must be in the
 * database. */
MUST_USE enum err line_make_names_unique(struct line *line, struct ledger_organization *organization);

/* While checking, what the file made is nowhere to be compared with: a second line about it counts as one that changes nothing.
 */
bool line_seen_while_checking(struct line *line, const struct number_set *made, int64_t id);

/* --- making changes --- */

/* Does the line have the member? */
bool line_has(const struct line *line, const char *name);

/* The object after the line: what is stored, with the line's members over it. Fails if the line would change what cannot change.
 * No rows in *ret_differ: the line changes nothing. */
MUST_USE enum err line_merge(struct line *line, union object before, union object *ret_after, field_set *ret_differ);

/* Gives what has no uuid a random one. */
void line_fill_uuid(struct uuid *uuid);

/* Adds a change to the batch, or to those of the installation for an organization or account. Objects are borrowed. */
void line_add_change(struct line *line, enum change_kind kind, union object before, union object after);

/* Counts the line under its noun, in one of the lists of struct import_counts. */
void line_count(struct line *line, int64_t counts[NOUN_COUNT]);

#endif
