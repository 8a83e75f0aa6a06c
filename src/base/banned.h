/* banned.h - functions that are compile errors here, and what to use instead.
 *
 * Included before everything by the build. The poisoned names either write
 * without a bound, hide errors, or share state between threads. */
#ifndef TREATY_BANNED_H
#define TREATY_BANNED_H

/* The system headers that declare the names must come first: poisoning
 * applies to every later mention, their own declarations included. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#pragma GCC poison strcpy strncpy /* buf_add, arena_str */
#pragma GCC poison strcat strncat /* buf_add */
#pragma GCC poison sprintf vsprintf /* buf_addf, snprintf */
#pragma GCC poison strtok /* sv_cut */
#pragma GCC poison atoi atol atoll atof /* sv_to_i64 */
#pragma GCC poison gmtime localtime ctime asctime /* gmtime_r */
#pragma GCC poison gets tmpnam mktemp /* fgets, mkstemp */

#endif
