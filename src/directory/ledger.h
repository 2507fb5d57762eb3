/* ledger.h — what an import has brought so far and may not be in the database yet.
 *
 * Checking a file before anything of it is kept needs to know what earlier lines made. The ledger keeps numbers as intervals and
 * names as 64-bit hashes: about 20 bytes a group, next to nothing for dense numbers, nothing for memberships.
 *
 * A line that is refused must leave nothing behind, or it would keep a name from the group that a later line gives it to. So what
 * lines change in sets and maps is noted until their batch is committed: 32 bytes each. */
#ifndef ROSTER_DIRECTORY_LEDGER_H
#define ROSTER_DIRECTORY_LEDGER_H

#include "directory/nesting.h"
#include "model/nouns.h"

#include <stdbool.h>
#include <stdint.h>

/* What was changed, to take it back: the newest last. */
struct ledger_undo {
    struct undo_entry *entries;
    size_t count, capacity;
    size_t line; /* where those of the line under way begin */
};

/* A set of numbers as sorted, disjoint intervals. */
struct number_set {
    struct number_range {
        int64_t first, last;
    } * ranges;
    size_t count, capacity;
    struct ledger_undo *undo; /* NULL: nothing is taken back */
};
void number_set_add(struct number_set *set, int64_t number);
void number_set_remove(struct number_set *set, int64_t number);
bool number_set_has(const struct number_set *set, int64_t number);
void number_set_free(struct number_set *set);

/* A map from a text's hash to a number. */
struct hash_map {
    struct hash_entry {
        uint64_t hash; /* 0: free */
        int64_t value;
    } * entries;
    size_t capacity, used;
    struct ledger_undo *undo; /* NULL: nothing is taken back */
};
void hash_map_put(struct hash_map *map, uint64_t hash, int64_t value);
/* The same for what the database says: it is so whatever becomes of the lines, and is not taken back. */
void hash_map_learn(struct hash_map *map, uint64_t hash, int64_t value);
bool hash_map_get(const struct hash_map *map, uint64_t hash, int64_t *ret_value);
void hash_map_free(struct hash_map *map);

/* A set of 64-bit hashes, 8 bytes each and the room to grow. */
struct hash_set {
    uint64_t *hashes; /* 0: free */
    size_t capacity, used;
};
bool hash_set_add(struct hash_set *set, uint64_t hash); /* false if it was there */
void hash_set_free(struct hash_set *set);

/* One organization in the ledger. */
struct ledger_organization {
    int64_t id;
    bool exists;    /* in the database or made by the file */
    bool deleted;   /* by the file */
    bool created;   /* by the file: nothing of it was in the database before */
    bool forgotten; /* what was known of nestings and credentials: also of one that the file made they are read then */
    bool refused;   /* a batch of it was, so another process may have made it or something in it, whatever the file made */
    bool unique_group_names;
    struct organization *by_file;    /* as the lines before left it, while only checking; NULL: they did not change it */
    struct number_set users, groups; /* made by the file */
    struct number_set deleted_users, deleted_groups; /* by the file */
    struct hash_map names;    /* hash of a folded group name -> group number; 0: given up by the group that had it */
    struct hash_map names_of; /* hash of a group number -> hash of the folded name it has by the file */
    struct nesting_graph nestings;
    bool nestings_loaded;
    struct credential *credentials; /* all of the organization, once one is mentioned */
    size_t credential_count, credential_capacity;
    struct arena credential_texts;
    bool credentials_loaded;
};

struct ledger {
    struct ledger_organization **organizations; /* sorted by id */
    size_t count, capacity;
    struct number_set accounts;         /* made by the file */
    struct number_set deleted_accounts; /* by the file */
    struct number_set users, groups;    /* made by the file, in any organization: numbers are the installation's */
    int64_t largest[NOUN_COUNT];        /* number in the database; 0: not asked yet */
    struct hash_set uuids;              /* of what the file made */
    struct hash_set secrets;            /* hashes of all secrets, of the database and of the file */
    bool secrets_loaded;
    struct number_set accounts_used; /* by users of the file */
    struct ledger_undo undo;
    struct ledger_undo installation_undo; /* of what lines about accounts and organizations change, and they alone */
};

/* The ledger must be all zero, and stay where it is. */
void ledger_open(struct ledger *ledger);

/* NULL if the organization was not mentioned yet. */
struct ledger_organization *ledger_find(struct ledger *ledger, int64_t organization_id);
struct ledger_organization *ledger_add(struct ledger *ledger, int64_t organization_id);
/* From now on by_file is a copy of this; the one before is freed. */
void ledger_note_organization(struct ledger_organization *organization, const struct organization *by_file);
/* A batch was refused: what was known of the organization's nestings and credentials is read from the database when it is needed
 * again. */
void ledger_forget_pending(struct ledger_organization *organization);
void ledger_forget_credentials(struct ledger_organization *organization);
/* One of an organization's exists, deleted, created and unique_group_names, as a line about it says. */
void ledger_set_flag(struct ledger *ledger, bool *flag, bool value);
void ledger_free(struct ledger *ledger);

/* --- taking back: numbers, names and flags of organizations --- */

/* The lines so far are committed, or need not be. */
void ledger_keep(struct ledger *ledger);
/* Those of the batch about accounts and organizations are, whatever becomes of the others. */
void ledger_keep_installation(struct ledger *ledger);
/* The batch was refused: all since ledger_keep. */
void ledger_undo(struct ledger *ledger);
/* The same for one line. */
void ledger_begin_line(struct ledger *ledger);
void ledger_undo_line(struct ledger *ledger);

#endif
