import { create, type DescField, type DescMessage } from "@bufbuild/protobuf";
import { createValidator } from "@bufbuild/protovalidate";

/*
 * Which fields a request must have. protobuf does not say: a field without presence is zero where it is left out, and is
 * held to its rules all the same, so that `min_len: 1` makes a name required and `gte: 1` a count. Rather than working that
 * out rule by rule, the validator is asked about the message that has nothing.
 */

const validator = createValidator();
const known = new WeakMap<DescMessage, ReadonlySet<DescField>>();

/** The fields that are at fault where they are left out. Empty for a message whose rules cannot be evaluated. */
export function requiredFieldsOf(message: DescMessage): ReadonlySet<DescField> {
  let required = known.get(message);
  if (required === undefined) {
    const { violations = [] } = validator.validate(message, create(message));
    const fields = violations.map(({ field: [first, second] }) => (second === undefined ? first : undefined));
    required = new Set(message.fields.filter((field) => fields.some((each) => each === field)));
    known.set(message, required);
  }
  return required;
}
