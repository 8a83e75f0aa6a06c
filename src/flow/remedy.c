#include "flow/remedy.h"

#include "base/panic.h"

static const struct remedy remedies[MISMATCH_KINDS] = {
	[MISMATCH_CONFLICT] = { "take, value, ignore",
		"Say which side is right (--take ats|salesforce), or the right value (--value V), or\n"
		"leave both as they are until one changes (--ignore). Until then neither is written.",
		.said = "Both systems hold different values, and the treaty leaves it to a person.",
		.can = CAN_TAKE | CAN_VALUE | CAN_IGNORE },
	[MISMATCH_EDIT] = { "take, ignore",
		"A read-only copy was edited. To keep the edit, have the owner take it\n"
		"(--take with the side of the copy).",
		.said = "A read-only copy was edited.",
		.can = CAN_TAKE | CAN_IGNORE },
	[MISMATCH_REJECTED] = { "retry, value, take, ignore",
		"The system refused the value; why is said above. Once the cause is gone, --retry;\n"
		"or give another value (--value V), or take the other side's.",
		.said = "A system refused what the treaty would write there.",
		.can = CAN_RETRY | CAN_VALUE | CAN_TAKE | CAN_IGNORE },
	[MISMATCH_AMBIGUOUS] = { "link to, skip, or merge",
		"Several records fit, so none is linked. Say which is the right one (--link-to ID), or\n"
		"that none is (--skip). Or merge the doubles, or fill in the key in the right one, and\n"
		"have it looked at again:",
		.said = "Several records fit one, so it is linked with none of them.",
		.can = CAN_MARK },
	[MISMATCH_OVERTAKEN] = { "-", "Somebody was faster than a write of ours; the rule decided.",
		.said = "Somebody changed the field in the moment of a write." },
	[MISMATCH_ALTERED] = { "-", "The system changed the value as it was written. It is kept as it is there.",
		.said = "A system changed a value as it was written." },
	[MISMATCH_LOOP] = { "retry, take, ignore",
		"Something writes this field back each time, so writing stopped. Find out what (an\n"
		"automation, another integration), then --retry.",
		.said = "Something writes the field back each time, so writing it stopped.",
		.can = CAN_RETRY | CAN_TAKE | CAN_IGNORE },
	[MISMATCH_DRIFT] = { "-", "The system's fields changed. It closes when the treaty fits again.",
		.said = "A system does not show a field any more that the treaty maps; the field stands still." },
	[MISMATCH_UNAVAILABLE] = { "wait, or take, value",
		"It closes by itself when the system answers. A field may be decided meanwhile; that is\n"
		"done when the system answers and still shows what it showed last.",
		.said = "A system does not answer; what concerns it waits." },
	[MISMATCH_BACKWARD] = { "take, ignore",
		"The owner went back in a lifecycle that only goes forward. It closes itself when the\n"
		"owner goes forward again. To have the other side follow, --take the owner's; to leave\n"
		"the other side where it is, --ignore.",
		.said = "A lifecycle that only goes forward went a step back, and that is not carried over.",
		.can = CAN_TAKE | CAN_IGNORE },
	[MISMATCH_UNDELIVERABLE] = { "retry, ignore",
		"It could not be delivered for long. Once the cause is gone, --retry.",
		.said = "Something could not be delivered for long.",
		.can = CAN_RETRY | CAN_IGNORE },
	[MISMATCH_MASS_CHANGE] = { "proceed, discard",
		"Too much of this type changed at once, so nothing is written for it. If it is meant,\n"
		"--proceed. If not, put it right in that system, then --discard: what was decided is\n"
		"forgotten and the records are read again; what still stands halts again.",
		.said = "So much changed at once that nothing is written for this record type until a person says so.",
		.can = CAN_PROCEED },
	[MISMATCH_SWEEP] = { "-", "A listing was not whole, so the sweep did nothing with it. It closes when one is.",
		.said = "A system's listing was not whole, so the comparison of all records ended early." },
	[MISMATCH_SILENCE] = { "-", "The change feed says nothing. It closes by itself when it speaks again.",
		.said = "A system's change feed says nothing, though something happens there." },
	[MISMATCH_GAP] = { "-", "What the feed missed is being read again. It closes when that is done.",
		.said = "A system's change feed lost its place; what it missed is being read again." },
	[MISMATCH_BACKLOG] = { "-",
		"Both systems answer, and still it is not done: see 'treaty status' for a quota that is\n"
		"used up, and the log of the daemon. It closes by itself when the rest is younger than\n"
		"half an hour.",
		.said = "Changes, or writes to a system, have waited for more than an hour." },
	[MISMATCH_SELF_CHECK] = { "-",
		"'treaty audit' says what does not add up. Keep a copy of the store, stop the daemon if\n"
		"values look wrong, and report it: this is a fault of the program or of the disk.",
		.said = "The store does not add up: something was lost or counted twice." },
	[MISMATCH_QUOTA] = { "-",
		"Most of the calls that this system allows are used. When they end, what concerns it\n"
		"waits until there are more. 'treaty status' tells by whom and how fast. It closes by\n"
		"itself.",
		.said = "Most of the calls that a system allows are used; when they end, what concerns it waits." },
	[MISMATCH_DAMAGED] = { "skip",
		"A row of the store could not be read. It was set aside as it is, the two records stay\n"
		"linked, and their values met anew as at the first agreement. Look at the disk, and at\n"
		"these records; then --skip closes the entry.",
		.said = "A row of the store could not be read; its records' values met anew." },
};

const struct remedy *remedy_of(enum mismatch_kind kind)
{
	if (kind < 0 || kind >= MISMATCH_KINDS || !remedies[kind].said)
		panic("no words for entries of kind %d", kind);
	return &remedies[kind];
}
