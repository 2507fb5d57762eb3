/* fields.h — the members of each noun as a table, and the two directions of the directory file by it.
 *
 * One description serves import, export, the change log and `roster check`. Order of rows is the order of export.
 * To add a member: add it to nouns.h, a row in fields.c, a column in store/ (a migration). */
#ifndef ROSTER_MODEL_FIELDS_H
#define ROSTER_MODEL_FIELDS_H

#include "base/json.h"
#include "model/nouns.h"
#include "model/op.h"

enum field_kind {
    FIELD_TEXT,   /* const char * */
    FIELD_NUMBER, /* int64_t: a noun's number, 1..NUMBER_MAX, 0 when absent */
    FIELD_BOOL,   /* bool */
    FIELD_TIME,   /* int64_t microseconds; ISO 8601 text on the wire */
    FIELD_UUID,   /* struct uuid */
    FIELD_DIGEST, /* struct digest, 64 hexadecimal digits */
    FIELD_WORD,   /* int, index into words */
    FIELD_RIGHTS, /* unsigned, array of words */
    FIELD_GRANTS, /* struct grant list of one grant_kind (in `words_first`) inside grants/grant_count */
    FIELD_PHONE,  /* FIELD_TEXT that must be E.164: + and 7 to 15 digits */
};

enum field_flag {
    FIELD_REQUIRED = 1 << 0,     /* must be in an imported line */
    FIELD_INPUT_ONLY = 1 << 1,   /* never written (secret) */
    FIELD_FIXED = 1 << 2,        /* identity: cannot change once the object exists (id, organizationId, groupId, uuid ...) */
    FIELD_ALWAYS = 1 << 3,       /* written also when it has its default value */
    FIELD_DEFAULT_TRUE = 1 << 4, /* FIELD_BOOL: absent means true; written only when false (unless FIELD_ALWAYS) */
    FIELD_LOG_ONLY = 1 << 5,     /* in the change log, not in the directory file (deletedAt, addedBy..., keyFingerprint ...) */
    FIELD_FILLED = 1 << 6,       /* FIELD_TEXT that may be absent but not empty or only white space (implied by FIELD_REQUIRED) */
    FIELD_ONE_LINE = 1 << 7,     /* FIELD_TEXT without control characters */
    FIELD_IN_BYTES = 1 << 8,     /* FIELD_TEXT whose max counts bytes */
};

struct field {
    const char *name; /* on the wire */
    enum field_kind kind;
    size_t offset;
    size_t max;               /* FIELD_TEXT: code points at most (FIELD_IN_BYTES: bytes) */
    unsigned flags;           /* enum field_flag */
    const char *const *words; /* FIELD_WORD, FIELD_RIGHTS: NULL-terminated */
    int grant_kind;           /* FIELD_GRANTS */
};

enum { GRANTS_MAX = 1000 }; /* of one kind, of one group */
enum { NAMES_MAX = 255 };   /* code points of a name, of whatever */

/* The table of a noun, ended by a row without name. */
const struct field *noun_fields(enum noun noun);

/* Which rows of a noun's table: bit i is row i. Every table has fewer than 64 rows. */
typedef uint64_t field_set;

/* Fills `object` (of noun_size bytes) from a JSON object: members that are present are written, others left as they
 * are; `null` resets a member to its default; *ret_present tells which rows were present. `type` and `delete` are
 * skipped; an unknown member, a wrong kind, a text too long or empty where it may not be, are ERR_INVALID with the
 * member's name as field. Texts are copied to the op's arena. Required members are checked by fields_check_required. */
MUST_USE enum err fields_read(struct op *op, enum noun noun, const json_t *json, union object object, field_set *ret_present);

/* A value that is a noun's number, 1..NUMBER_MAX, called `name`; and an array of them, in the arena. `value` may be NULL: it is
 * missing. ERR_INVALID with `name` as the field. */
MUST_USE enum err number_read(struct op *op, const char *name, const json_t *value, int64_t *ret_number);
MUST_USE enum err numbers_read(struct op *op, const char *name, const json_t *array, int64_t **ret_numbers, size_t *ret_count);

/* ERR_INVALID naming the first required member that is not in `present`. */
MUST_USE enum err fields_check_required(struct op *op, enum noun noun, field_set present);

/* Sets the defaults (active true, unique_group_names true, others zero). */
void fields_set_defaults(enum noun noun, union object object);

/* As fields_read for an object of the change log: FIELD_LOG_ONLY members are known, FIELD_INPUT_ONLY ones are not, texts
 * need not keep the rules, and anything wrong is ERR_STORAGE. */
MUST_USE enum err fields_read_log(struct op *op, enum noun noun, const json_t *json, union object object, field_set *ret_present);

/* Which rows differ between two objects of a noun. The three FIELD_GRANTS rows are one list in memory: all or none. */
field_set fields_differ(enum noun noun, union object a, union object b);

/* Copies the rows in `set` from one object to another (shallow: texts and grants are borrowed). */
void fields_copy(enum noun noun, field_set set, union object from, union object to);

/* Writes `{"type":"user",...}`, the line of the directory file without the newline: rows in table order, members with
 * default value left out (unless FIELD_ALWAYS), never FIELD_INPUT_ONLY or FIELD_LOG_ONLY ones. */
void fields_write_line(struct buf *out, enum noun noun, union object object);

/* Writes `{...}` with the members in `set` (for a change: before, after); one whose value is not set is written
 * as null (a FIELD_BOOL always as true or false). FIELD_INPUT_ONLY rows are never written. */
void fields_write_set(struct buf *out, enum noun noun, field_set set, union object object);

/* All rows of a noun that are ever written to the log. */
field_set fields_all(enum noun noun);

/* The set of rows with the flag. */
field_set fields_with(enum noun noun, enum field_flag flag);

/* A deep copy in the arena (texts and grants too). */
union object object_copy(struct arena *arena, enum noun noun, union object object);

#endif
