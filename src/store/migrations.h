/* migrations.h — the files of store/sqlite/migrations/ and store/postgres/migrations/, put into the program by the Makefile in
 * the order of their numbers. The same number is the same schema in both. */
#ifndef ROSTER_STORE_MIGRATIONS_H
#define ROSTER_STORE_MIGRATIONS_H

struct migration {
    int number; /* of the schema it leads to; 0: end of the list */
    const char *name, *text;
};
extern const struct migration sqlite_migrations[], postgres_migrations[];

#endif
