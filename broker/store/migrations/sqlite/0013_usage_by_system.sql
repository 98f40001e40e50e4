-- What was used at each system by whom, added up over a year: what the ceilings of the Union's share are asked of.
ALTER TABLE usage_records ADD COLUMN system_id TEXT NOT NULL DEFAULT '';
UPDATE usage_records SET system_id = COALESCE(json_extract(document, '$.partition.system'), '');
CREATE INDEX usage_by_system ON usage_records (ended_at_us, site_id, system_id, share, gpu_ms);
