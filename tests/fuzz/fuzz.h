/* fuzz.h - what a fuzz target gives: the entry point that libFuzzer calls.
 *
 * Built plainly, replay.c calls it with each file of the corpora named on the
 * command line, so that the ordinary run replays what a fuzzer once found.
 * Built with clang and -fsanitize=fuzzer the same file is the target itself. */
#ifndef TREATY_FUZZ_H
#define TREATY_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#endif
