/* version.h — the program's version; the Makefile passes ROSTER_VERSION. */
#ifndef ROSTER_BASE_VERSION_H
#define ROSTER_BASE_VERSION_H

#ifndef ROSTER_VERSION
#define ROSTER_VERSION "0.1.0"
#endif

#endif
