import { useQuery } from "@tanstack/react-query";
import { useId, type ComponentProps, type ReactNode } from "react";

import { modelsQuery } from "@/api/llm";

import { Field, Input, Select, Textarea } from "./ui/input";

/** Problems of single fields, by name, as `FormDialog` and `Problem.fields` give them. */
export type FieldErrors = Record<string, string>;

interface FieldProps {
  name: string;
  label: string;
  hint?: ReactNode;
  errors?: FieldErrors | undefined;
  /** Of label, control and hint together. */
  className?: string;
}

/** A line of text. Browsers do not offer what was typed elsewhere, unless `autoComplete` says so. */
export function TextField({ name, label, hint, errors, className = "", ...rest }: FieldProps & Omit<ComponentProps<"input">, keyof FieldProps>) {
  return (
    <Field label={label} hint={hint} error={errors?.[name]} className={className}>
      {(control) => <Input {...control} name={name} autoComplete="off" {...rest} />}
    </Field>
  );
}

/** What is written and never shown. */
export function SecretField(props: ComponentProps<typeof TextField>) {
  return <TextField type="password" autoComplete="off" spellCheck={false} {...props} />;
}

export function NumberField({ step = "1", ...rest }: ComponentProps<typeof TextField>) {
  return <TextField type="number" min="0" step={step} inputMode="decimal" {...rest} />;
}

/** For how long a key or grant holds. */
export function ExpiryField({ errors, hint = "Empty: never." }: { errors: FieldErrors; hint?: string }) {
  return <NumberField name="expires_in_days" label="Days until it expires" hint={hint} min="1" errors={errors} />;
}

interface LongFieldProps extends FieldProps, Omit<ComponentProps<"textarea">, keyof FieldProps> {
  /** Of the control alone. */
  inputClass?: string;
}

export function LongField({ name, label, hint, errors, className = "", inputClass, ...rest }: LongFieldProps) {
  return (
    <Field label={label} hint={hint} error={errors?.[name]} className={className}>
      {(control) => <Textarea {...control} name={name} className={inputClass} {...rest} />}
    </Field>
  );
}

interface ChoiceFieldProps<Value extends string> extends FieldProps, Omit<ComponentProps<"select">, keyof FieldProps | "onChange" | "children"> {
  /** Words by value, in order. */
  options: Readonly<Record<Value, string>>;
  onChoose?: (value: NoInfer<Value>) => void;
}

export function ChoiceField<Value extends string>({
  name, label, hint, errors, className = "", options, onChoose, ...rest
}: ChoiceFieldProps<Value>) {
  return (
    <Field label={label} hint={hint} error={errors?.[name]} className={className}>
      {(control) => (
        <Select
          {...control}
          name={name}
          {...(onChoose ? { onChange: (event) => onChoose(event.target.value as Value) } : {})}
          {...rest}
        >
          {(Object.entries(options) as [Value, string][]).map(([value, word]) => (
            <option key={value} value={value}>
              {word}
            </option>
          ))}
        </Select>
      )}
    </Field>
  );
}

interface CheckFieldProps extends Omit<ComponentProps<"input">, "type" | "name"> {
  name: string;
  label: ReactNode;
  hint?: ReactNode;
}

/** Something that holds or not. In the form's data it is `on`, or is not there. */
export function CheckField({ label, hint, ...rest }: CheckFieldProps) {
  const id = useId();
  return (
    <div className="flex items-start gap-2 text-sm">
      <input
        id={id}
        type="checkbox"
        className="mt-0.5 size-4 shrink-0 accent-accent"
        {...(hint ? { "aria-describedby": `${id}-hint` } : {})}
        {...rest}
      />
      <div>
        <label htmlFor={id}>{label}</label>
        {hint ? (
          <p id={`${id}-hint`} className="text-xs text-muted">
            {hint}
          </p>
        ) : null}
      </div>
    </div>
  );
}

/** A model by its name, with those that the person may use to choose from. */
export function ModelField(props: ComponentProps<typeof TextField>) {
  const models = useQuery(modelsQuery());
  const list = useId();
  return (
    <>
      <TextField list={list} placeholder="provider/model" {...props} />
      <datalist id={list}>
        {(models.data ?? []).map((model) => (
          <option key={model.name} value={model.name} />
        ))}
      </datalist>
    </>
  );
}
