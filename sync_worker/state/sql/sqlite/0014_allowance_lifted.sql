-- When somebody said that nobody has to wait for the allowance any more; a process that waits looks here.
ALTER TABLE _allowance ADD COLUMN lifted_at TEXT;
