/* copy.h — the tables that store_copy copies, for it and for the test that compares them with the database's own. */
#ifndef ROSTER_STORE_COPY_H
#define ROSTER_STORE_COPY_H

#include "store/db.h"

struct copied_table {
    const char *name;
    const char *numbers, *texts, *bytes; /* all its columns by type, separated by ", "; NULL: none */
    const char *order;                   /* in which rows are read; good if it is that of the key */
    const char *initial;                 /* of which rows an empty database has some, a condition; NULL: none */
    bool log;                            /* the log, which SQLite chains by two columns of its own (COPY_LOG_CHAIN) */
    const char *made[2]; /* columns that are not copied, by enum db_dialect: SQLite's log chain is made by the copy
                          * (copy.c), the others by the database itself; NULL: none */
};

#define COPY_LOG_CHAIN "sequence, previous"

/* Ends with a row whose name is NULL. */
extern const struct copied_table store_copied_tables[];

#endif
