-- Whose jobs a process carries: names of providers, with commas between them. The default is for processes of the
-- version before, which go on writing their rows while all are replaced.
ALTER TABLE processes ADD COLUMN providers TEXT NOT NULL DEFAULT '';
