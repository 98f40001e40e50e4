-- What was used at each system by whom, added up over a year: what the ceilings of the Union's share are asked of. By the
-- system first: an index that begins with the end of usage would lure the planner away from those that lists read in order.
ALTER TABLE usage_records ADD COLUMN system_id TEXT COLLATE "C" NOT NULL DEFAULT '';
UPDATE usage_records SET system_id = COALESCE(document::json -> 'partition' ->> 'system', '');
CREATE INDEX usage_by_system ON usage_records (system_id, site_id, share, ended_at_us) INCLUDE (gpu_ms);
