/* op.h — one operation in progress: who asks, when, where its memory comes from, what went wrong.
 *
 * Passed first to every function that can fail. One thread at a time uses it. */
#ifndef ROSTER_MODEL_OP_H
#define ROSTER_MODEL_OP_H

#include "base/arena.h"
#include "base/err.h"
#include "base/uuid.h"

#include <stdbool.h>
#include <stdint.h>

/* What a credential may do: read, or read and write; and which operations it is permitted, of those that this allows. */
enum right {
    RIGHT_READ = 1 << 0,
    RIGHT_WRITE = 1 << 1,
    RIGHT_LIST = 1 << 2, /* the permitted operations, in the order of credential.permits */
    RIGHT_GET = 1 << 3,
    RIGHT_CREATE = 1 << 4,
    RIGHT_UPDATE = 1 << 5,
    RIGHT_DELETE = 1 << 6,
};
enum { RIGHT_PERMITS_SHIFT = 2, RIGHT_ALL_PERMITS = RIGHT_LIST | RIGHT_GET | RIGHT_CREATE | RIGHT_UPDATE | RIGHT_DELETE };

/* What a route asks for. */
enum {
    CAN_LIST = RIGHT_READ | RIGHT_LIST,
    CAN_GET = RIGHT_READ | RIGHT_GET,
    CAN_CREATE = RIGHT_WRITE | RIGHT_CREATE,
    CAN_UPDATE = RIGHT_WRITE | RIGHT_UPDATE, /* members of a group are part of it */
    CAN_DELETE = RIGHT_WRITE | RIGHT_DELETE,
};

/* Who asks. All zero: nobody yet. Commands act as the system: `system` true, every right, no organization. */
struct caller {
    int64_t organization_id;
    int64_t credential_id; /* 0: none */
    int64_t user_id;       /* 0: a service key, or the system */
    struct uuid user_uuid; /* nil: whoever has the number; else nobody who has it but not this uuid */
    unsigned rights;       /* enum right */
    bool system;
};

struct op;

/* How an operation goes on that does not keep a thread waiting for the disk: a function that would wait returns ERR_PENDING
 * instead, and whoever called must not touch the op any more, until `finished` is called with the result (once, on any thread; it
 * must be quick). `again` has to run `task(op)` soon on a thread that may block. */
struct op_async {
    void (*finished)(struct op *op, enum err result);
    void (*again)(struct op *op, void (*task)(struct op *op));
};

struct group;
enum member_outcome { MEMBER_DONE, MEMBER_WAS_SO, MEMBER_UNKNOWN }; /* changed; nothing to change; no user of the organization */

/* What a request about a group with managers breaks, for APIs that tell all of it: an err has room for one. */
enum issue_kind {
    ISSUE_NAME_TAKEN,
    ISSUE_NO_MANAGER,
    ISSUE_USER_UNKNOWN,
    ISSUE_USER_DELETED,
    ISSUE_USER_INACTIVE,
    ISSUE_MEMBER_ALREADY,
    ISSUE_MEMBERSHIP_UNKNOWN,
    ISSUE_LAST_MANAGER,
};
struct issue {
    enum issue_kind kind;
    size_t index; /* of the change it is about, as the request gave it; 0 for what is about the group */
};

struct directory; /* known to directory/ and above; here only handed on */

struct op {
    struct directory *directory; /* what the front end works on, borrowed; NULL in commands that do without */
    struct arena arena;          /* everything the operation makes; freed with it */
    struct failure failure;      /* meaningful only after an err was returned */
    struct caller caller;
    const char *request_id;              /* for what is logged about it; NULL: it is of no request */
    int64_t now;                         /* microseconds UTC; the one clock of the operation, tests set it */
    const struct op_async *async;        /* NULL: functions wait and return their result */
    void *write;                         /* what is under way; for directory/ */
    const struct group *made;            /* after a write that creates: what was made */
    const enum member_outcome *outcomes; /* after a write that treats each member by itself: one for each, in the order asked */
    const int64_t *outcome_user_ids;     /* whom each is about */
    size_t outcome_count;
    const struct issue *issues; /* after ERR_INVALID with field "issues": in the order of the checks, at least one */
    size_t issue_count;
    int64_t
        at_least; /* the caller saw this version of its organization, here or elsewhere: an older one is not looked at; 0: any */
    /* Which state of the caller's organization was looked at. A write that changed nothing, or failed: what its rule saw. A long
     * answer that lets writers in between may show later states as well. */
    bool looked;           /* it was; else the two behind it mean nothing */
    bool stale;            /* others may have changed it since: the database cannot be followed */
    int64_t version;       /* after a write the one that it made */
    int64_t retry_after_s; /* with ERR_RATE: when it may be tried again */
    void *detail;          /* after a failure: what the front end adds when it words it; for the front end alone, in the arena */
    bool may_block;        /* false on a thread that serves connections: a function that would wait for a disk, a
                            * network or a lock held over one returns ERR_DEFERRED instead and has changed nothing */
};

/* An op that may block, with the time of now and no caller. */
struct op op_begin(void);

/* Frees the arena. */
void op_end(struct op *op);

/* Ends the op when the variable goes out of scope: AUTO_OP op = op_begin(); */
#define AUTO_OP __attribute__((cleanup(op_end))) struct op

/* Records why `op` failed and returns `code`; first cause wins (see failure_set). */
MUST_USE PRINTF_LIKE(4, 5) enum err op_fail(struct op *op, enum err code, const char *field, const char *format, ...);

#endif
