-- Which message an alert goes back to: an order that is opened later, when siblings were waited for, still names it.

ALTER TABLE alerts ADD COLUMN trace text NOT NULL DEFAULT '';
COMMENT ON COLUMN alerts.trace IS 'W3C trace id of the message that raised it; empty when only the time did';
