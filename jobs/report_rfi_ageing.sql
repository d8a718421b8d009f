-- A row for each thing that may wait. Instants are ISO 8601 in UTC; what is an object or a list in Procore is its JSON.
SELECT
    id,
    project_id,
    coalesce(full_number, number) AS number,
    subject AS title,
    link,
    -- open, closed, draft, or anything else, which is neither counted as waiting nor as done. Procore's `status` is the
    -- type; a company's own label for it is `translated_status`.
    CASE WHEN deleted THEN 'recycled' ELSE status END AS state,
    -- Without it the RFI was never submitted: a draft.
    initiated_at AS opened_at,
    due_date AS due_on,
    time_resolved AS closed_at,
    -- Whose turn it is: one person, or several.
    ball_in_court AS holder,
    ball_in_courts AS holders,
    responsible_contractor AS contractor,
    cost_impact,
    schedule_impact
FROM rfis
WHERE _deleted_at IS NULL
