/* demo_data.h — the directory file demo.ndjson as text; made by the Makefile. */
#ifndef ROSTER_CMD_DEMO_DATA_H
#define ROSTER_CMD_DEMO_DATA_H

extern const char demo_data[];

#endif
