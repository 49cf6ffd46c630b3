import { Select } from "./ui/input";

interface PickProps<Value extends string> {
  label: string;
  value: Value;
  options: Readonly<Record<Value, string>>;
  onChange: (value: Value) => void;
}

/** A choice in a toolbar: its label is for readers, the options say enough. */
export function Pick<Value extends string>({ label, value, options, onChange }: PickProps<Value>) {
  return (
    <Select
      aria-label={label}
      title={label}
      className="w-auto max-sm:min-w-36 max-sm:flex-1"
      value={value}
      onChange={(event) => onChange(event.target.value as Value)}
    >
      {(Object.entries(options) as [Value, string][]).map(([key, word]) => (
        <option key={key} value={key}>
          {word}
        </option>
      ))}
    </Select>
  );
}
